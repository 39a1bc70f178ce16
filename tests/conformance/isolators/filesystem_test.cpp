// The filesystem isolator on real overlays and mounts.
#include "isolators/filesystem/filesystem.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "isolators/filesystem/dev.h"
#include "isolators/filesystem/pseudo.h"
#include "os/path.h"
#include "tests/conformance/privileged.h"
#include "tests/unit/isolators/fixtures.h"
#include "tests/unit/os/temp_dir.h"

namespace skerry::isolators {
namespace {

using os::test::TempDir;
using test::FakeCgroup;

class Filesystem : public ::testing::Test {
 protected:
  void SetUp() override {
    SKERRY_REQUIRE(::geteuid() == 0, "needs root");
    host_ = os::probe_host();
    layer_.dir("bin");
    layer_.dir("etc");
    layer_.file("etc/passwd", "app:x:1000:1001::/home/app:/bin/sh\n");
    config_ = test::sample_config();
    config_.root.layers = {layer_.path()};
    config_.root.scratch = scratch_.path();
  }

  Result<BuiltPlan> prepare() {
    FakeCgroup cgroup;
    PlanBuilder builder;
    const auto isolator = make_filesystem_isolator({});
    TRY(isolator->prepare({.config = config_, .host = host_, .cgroup = cgroup, .plan = builder}));
    return builder.build();
  }
  std::string refusal() {
    const auto built = prepare();
    if (built) return "ok";
    return fmt::format("{} {}", code_name(built.error().code()), built.error().reason());
  }

  os::HostFacts host_;
  TempDir layer_;
  TempDir scratch_;
  TempDir source_;
  ContainerConfig config_;
};

TEST_F(Filesystem, RootHasTheLayerAndMountPoints) {
  const auto built = prepare();
  ASSERT_TRUE(built) << built.error().message();
  const int root = built->fds.at(0).get();
  for (const auto* name : {"bin", "proc", "sys", "dev"}) {
    EXPECT_EQ(::faccessat(root, name, F_OK, 0), 0) << name;
  }
  EXPECT_EQ(os::read_file_at(root, "etc/passwd", 100).value().substr(0, 4), "app:");
  EXPECT_FALSE(layer_.exists("proc"));
}

TEST_F(Filesystem, RootLooksLikeTheTopLayer) {
  ASSERT_EQ(::fchmod(layer_.fd(), 01711), 0);
  ASSERT_EQ(::fchown(layer_.fd(), 12, 34), 0);
  const auto built = prepare();
  ASSERT_TRUE(built) << built.error().message();
  struct stat status {};
  ASSERT_EQ(::fstatat(built->fds.at(0).get(), "", &status, AT_EMPTY_PATH), 0);
  EXPECT_EQ(status.st_mode & 07777U, 01711U);
  EXPECT_EQ(status.st_uid, 12U);
  EXPECT_EQ(status.st_gid, 34U);
}

TEST_F(Filesystem, WhatWasWrittenIsThereInTheNextAttempt) {
  {
    const auto built = prepare();
    ASSERT_TRUE(built) << built.error().message();
    const UniqueFd file(
        ::openat(built->fds.at(0).get(), "written", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_TRUE(file) << errno_text(errno);
  }
  // The volatile mark of the first mount is in the way of the second unless it is removed.
  EXPECT_TRUE(scratch_.exists("work/work/incompat/volatile"));
  const auto again = prepare();
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(::faccessat(again->fds.at(0).get(), "written", F_OK, 0), 0);
}

TEST_F(Filesystem, DurableLeavesNoVolatileMark) {
  config_.root.durable = true;
  { ASSERT_TRUE(prepare()); }
  EXPECT_FALSE(scratch_.exists("work/work/incompat"));
}

TEST_F(Filesystem, FailureTakesBackItsDirectories) {
  config_.root.layers = {layer_.path() + "/missing"};
  EXPECT_EQ(refusal().substr(0, 9), "NOT_FOUND");
  config_.root.layers = {layer_.path()};
  config_.mounts = {BindMount{.source = source_.at("missing"), .target = "/data"}};
  EXPECT_EQ(refusal(), "NOT_FOUND MOUNT_SOURCE_NOT_FOUND");
  EXPECT_FALSE(scratch_.exists("upper"));
  EXPECT_FALSE(scratch_.exists("work"));
}

TEST_F(Filesystem, FailureKeepsWhatAnEarlierAttemptWrote) {
  ASSERT_TRUE(prepare());
  config_.mounts = {BindMount{.source = source_.at("missing"), .target = "/data"}};
  EXPECT_EQ(refusal(), "NOT_FOUND MOUNT_SOURCE_NOT_FOUND");
  EXPECT_TRUE(scratch_.exists("upper/proc"));
}

TEST_F(Filesystem, RefusesImagesWithLinksForMountPoints) {
  for (const auto* name : {"proc", "sys", "dev"}) {
    layer_.link("/etc", name);
    EXPECT_EQ(refusal(), "FAILED_PRECONDITION ROOT_INVALID") << name;
    ASSERT_EQ(::unlinkat(layer_.fd(), name, 0), 0);
  }
  EXPECT_EQ(refusal(), "ok");
}

TEST_F(Filesystem, RefusesAScratchWhoseUpperIsALink) {
  scratch_.link("/etc", "upper");
  EXPECT_NE(refusal(), "ok");
}

TEST_F(Filesystem, ForeignLayersGoThroughTheHelper) {
  config_.root.foreign_layers = true;
  EXPECT_EQ(refusal(), "ok");
  config_.root.layers = {layer_.at("etc/passwd")};
  EXPECT_EQ(refusal(), "FAILED_PRECONDITION ROOT_INVALID");
}

TEST_F(Filesystem, MountsAreOpenedAndToldByKind) {
  source_.dir("dir");
  source_.file("file", "hello");
  config_.mounts = {BindMount{.source = source_.at("dir"), .target = "/data/"},
                    BindMount{.source = source_.at("file"), .target = "/etc/file"},
                    TmpfsMount{.target = "/tmp", .size = Bytes{8192}}};
  const auto built = prepare();
  ASSERT_TRUE(built) << built.error().message();
  std::vector<plan::AttachMount> attached;
  for (const auto& operation : built->plan.operations) {
    const auto* attach = std::get_if<plan::AttachMount>(&operation);
    if (attach != nullptr && attach->target != "/dev") attached.push_back(*attach);
  }
  ASSERT_EQ(attached.size(), 3U);
  EXPECT_EQ(attached[0].target, "/data");
  EXPECT_EQ(attached[0].create, plan::TargetKind::kDirectory);
  EXPECT_EQ(attached[1].create, plan::TargetKind::kFile);
  EXPECT_EQ(attached[2].target, "/tmp");
  struct stat status {};
  const int file = built->fds.at(static_cast<std::size_t>(attached[1].fd)).get();
  ASSERT_EQ(::fstatat(file, "", &status, AT_EMPTY_PATH), 0);
  EXPECT_EQ(status.st_size, 5);
}

TEST_F(Filesystem, ReadOnlyBindCannotBeWritten) {
  config_.mounts = {BindMount{.source = source_.path(), .target = "/data", .read_only = true}};
  const auto built = prepare();
  ASSERT_TRUE(built) << built.error().message();
  const auto& last = built->fds.back();
  EXPECT_EQ(::mkdirat(last.get(), "made", 0700), -1);
  EXPECT_EQ(errno, EROFS);
}

TEST_F(Filesystem, ImageLinkToProcIsNoMountTarget) {
  layer_.link("/proc/sys", "data");
  config_.mounts = {BindMount{.source = source_.path(), .target = "/data"}};
  EXPECT_EQ(refusal(), "FAILED_PRECONDITION MOUNT_TARGET_REFUSED");
}

TEST(Dev, HasTheUsualNodesAndLinks) {
  SKERRY_REQUIRE(::geteuid() == 0, "needs root");
  const mode_t before = ::umask(077);
  const auto dev = make_dev();
  ::umask(before);
  ASSERT_TRUE(dev) << dev.error().message();
  for (const auto& node : default_devices()) {
    struct stat status {};
    ASSERT_EQ(::fstatat(dev->get(), node.name, &status, 0), 0) << node.name;
    EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFCHR | 0666)) << node.name;
    EXPECT_EQ(status.st_rdev, ::makedev(node.major, node.minor)) << node.name;
  }
  const UniqueFd null(::openat(dev->get(), "null", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(::write(null.get(), "x", 1), 1);
  std::string target(64, '\0');
  target.resize(
      static_cast<std::size_t>(::readlinkat(dev->get(), "core", target.data(), target.size())));
  EXPECT_EQ(target, "/proc/kcore");
}

TEST(V1CgroupDirectory, HasWhatProgramsLookForAndIsReadOnly) {
  SKERRY_REQUIRE(::geteuid() == 0, "needs root");
  const auto directory =
      make_v1_cgroup_directory({"cpu,cpuacct", "memory", "devices", "name=systemd"});
  ASSERT_TRUE(directory) << directory.error().message();
  for (const auto* name : {"cpu,cpuacct", "cpu", "cpuacct", "memory"}) {
    EXPECT_EQ(::faccessat(directory->get(), name, F_OK, 0), 0) << name;
  }
  for (const auto* name : {"devices", "name=systemd"}) {
    EXPECT_EQ(::faccessat(directory->get(), name, F_OK, 0), -1) << name;
  }
  EXPECT_EQ(::mkdirat(directory->get(), "made", 0700), -1);
  EXPECT_EQ(errno, EROFS);
}

TEST_F(Filesystem, WholePlanReadsAsExpected) {
  host_ = test::sample_host();
  host_.lowerdir_plus = os::kernel_has_lowerdir_plus();
  config_.process = {.arguments = {"sh", "-c", "exit 7"},
                     .environment = {"A=1"},
                     .working_directory = "/srv",
                     .user = "app",
                     .additional_groups = {}};
  config_.root.read_only = true;
  config_.mounts = {TmpfsMount{.target = "/tmp"}};
  config_.sysctls = {{"net.ipv4.ip_forward", "1"}};
  config_.no_new_privs = true;
  // The digest of the program would change with every call the profile learns.
  config_.seccomp = SeccompMode::kUnconfined;
  PlanBuilder builder;
  FakeCgroup cgroup;
  const auto chain = make_isolators(host_).value();
  for (const auto& isolator : chain) {
    // Its defaults depend on the limits of whoever runs the test; unit tests have them.
    if (isolator->name() == "rlimits") continue;
    const auto result =
        isolator->prepare({.config = config_, .host = host_, .cgroup = cgroup, .plan = builder});
    ASSERT_TRUE(result) << isolator->name() << ": " << result.error().message();
  }
  EXPECT_EQ(plan::print(builder.build().plan), R"(container: ""
shim: control=-1 listener=-1 exit_record=-1 stdin=null
log: none
namespaces: mount,pid,ipc,uts,net + cgroup
cgroups: clone_into=-1 tasks=[]
0: set hostname "0123456789ab"
1: bring up loopback
2: set root fd=0
3: mount proc "/proc" flags=nosuid,nodev,noexec data=""
4: mount sysfs "/sys" flags=ro,nosuid,nodev,noexec data=""
5: attach mount "/dev" fd=1 create=no
6: mount devpts "/dev/pts" flags=nosuid,noexec data="ptmxmode=0666,mode=0620,gid=5"
7: mount tmpfs "/dev/shm" flags=nosuid,nodev,noexec data="mode=1777,size=64m"
8: mount mqueue "/dev/mqueue" flags=nosuid,nodev,noexec data=""
9: mount cgroup2 "/sys/fs/cgroup" flags=ro,nosuid,nodev,noexec data=""
10: set sysctl "net/ipv4/ip_forward" = "1"
11: set oom score 0
12: attach mount "/tmp" fd=2 create=directory
13: make directory "/srv" mode=0755
14: make read-only "/proc/bus"
15: make read-only "/proc/fs"
16: make read-only "/proc/irq"
17: make read-only "/proc/sys"
18: make read-only "/proc/sysrq-trigger"
19: mask "/proc/acpi"
20: mask "/proc/asound"
21: mask "/proc/interrupts"
22: mask "/proc/kcore"
23: mask "/proc/keys"
24: mask "/proc/latency_stats"
25: mask "/proc/timer_list"
26: mask "/proc/timer_stats"
27: mask "/proc/sched_debug"
28: mask "/proc/scsi"
29: mask "/sys/firmware"
30: mask "/sys/devices/virtual/powercap"
31: make root read-only
32: enter root
33: set user 1000:1001 groups=[1001]
34: change to directory "/srv"
35: set capabilities bounding=0xa80425fb effective=0x0 permitted=0x0 inheritable=0x0 ambient=0x0
36: set no_new_privs
hold
exec: "sh" "-c" "exit 7"
env: "A=1"
env: "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
env: "HOSTNAME=0123456789ab"
env: "HOME=/home/app"
)");
}

}  // namespace
}  // namespace skerry::isolators
