#include <gtest/gtest.h>

#include "plan/plan.h"
#include "sample_plan.h"

namespace skerry::plan {
namespace {

TEST(PlanPrinter, ShowsTheWholePlan) {
  EXPECT_EQ(print(sample_plan()),
            R"(exec: "0123456789abcdef0123456789abcdef"
shim: control=0 listener=1 exit_record=2 stdin=pipe waits for its reader
log: fd=3 "log" max_bytes=4096 max_files=2 overflow=drop
terminal: rows=30 columns=100 devpts=10
namespaces: mount,pid + cgroup
join pid namespace: fd=11
cgroups: clone_into=4 tasks=[5,6]
enter: process=12 namespaces=mount,net
0: join net namespace fd=7
1: set root fd=8
2: attach mount "/data" fd=9 create=file
3: mount proc "/proc" flags=nosuid,nodev,noexec data="hidepid=2"
4: mask "/proc/kcore"
5: make read-only "/proc/sys"
6: make directory "/run/x" mode=0700
7: make symlink "/dev/fd" to "/proc/self/fd"
8: make root read-only
9: enter root
10: set hostname "web"
11: set sysctl "net.ipv4.ip_forward" = "1"
12: bring up loopback
13: set rlimit nofile 1024:unlimited
14: set oom score -5
15: set user 1000:1001 groups=[5,6]
16: change to directory "/srv" create
17: set capabilities bounding=0x1 effective=0x2 permitted=0x3 inheritable=0x4 ambient=0x5
18: set no_new_privs
19: load seccomp filter 8 bytes, digest 68d1072010874779
exec: "sh" "-c" "echo \"hi\"\x0a"
env: "PATH=/bin"
env: "A="
)");
}

TEST(PlanPrinter, ShowsEveryFieldThatDiffers) {
  const auto text = print(sample_plan());
  auto plan = sample_plan();
  plan.hold = true;
  EXPECT_NE(print(plan), text);
  plan = sample_plan();
  std::get<Seccomp>(plan.operations.back()).program[0] ^= 1U;
  EXPECT_NE(print(plan), text);
  plan = sample_plan();
  plan.shim.log.directory = kNoFd;
  EXPECT_NE(print(plan).find("log: none\n"), std::string::npos);
  plan = sample_plan();
  plan.exec = {};
  plan.init = true;
  EXPECT_TRUE(print(plan).ends_with("\ninit\n")) << print(plan);
}

TEST(PlanPrinter, ShowsASandbox) {
  EXPECT_EQ(print(SandboxPlan{.uid = "12",
                              .namespaces = CLONE_NEWNET | CLONE_NEWUTS,
                              .operations = {Hostname{.name = "web"}}}),
            "sandbox: \"12\"\nnamespaces: uts,net\n0: set hostname \"web\"\n");
}

TEST(PlanPrinter, KeepsControlCharactersFromTheTerminal) {
  EXPECT_EQ(describe(MaskPath{.path = "/a\x1b[2J\"\\"}), R"(mask "/a\x1b[2J\"\\")");
}

}  // namespace
}  // namespace skerry::plan
