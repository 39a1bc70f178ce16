#include "os/cgroup/cgroup.h"

#include <gtest/gtest.h>

#include "os/cgroup/settings.h"
#include "os/cgroup/tree.h"
#include "os/cgroup/v2/device_program.h"
#include "os/path.h"
#include "temp_dir.h"

namespace skerry::os {
namespace {

using test::TempDir;

Result<CgroupRoots> roots_from(const std::string& mountinfo) {
  const TempDir temp;
  temp.file("mountinfo", mountinfo);
  return find_cgroup_roots(temp.at("mountinfo"));
}

constexpr const char* kUnified = "31 20 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(CgroupRoots, FindsV2) {
  const auto roots = roots_from(kUnified);
  ASSERT_TRUE(roots);
  EXPECT_EQ(roots->mode, CgroupMode::kV2);
  EXPECT_EQ(roots->unified, "/sys/fs/cgroup");
}

TEST(CgroupRoots, FindsHybrid) {
  const auto roots = roots_from(
      "30 20 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
      "31 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
      "32 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
      "33 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "99 30 0:31 /docker/x /srv/rootfs/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  ASSERT_TRUE(roots);
  EXPECT_EQ(roots->mode, CgroupMode::kHybrid);
  EXPECT_EQ(roots->unified, "/sys/fs/cgroup/unified");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"name=systemd", "/sys/fs/cgroup/systemd"},
      {"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"},
      {"memory", "/sys/fs/cgroup/memory"}};
  EXPECT_EQ(roots->hierarchies, expected);
}

TEST(CgroupRoots, FindsV1Alone) {
  const auto roots = roots_from("34 30 0:31 / /cg/memory rw - cgroup cgroup rw,memory\n");
  ASSERT_TRUE(roots);
  EXPECT_EQ(roots->mode, CgroupMode::kV1);
}

TEST(CgroupRoots, SaysWhenThereIsNone) {
  const auto roots = roots_from("30 20 0:27 / /sys rw - sysfs sysfs rw\nnot a line\n");
  ASSERT_FALSE(roots);
  EXPECT_EQ(roots.error().code(), Code::kFailedPrecondition);
}

TEST(CgroupPathCheck, RefusesWhatCouldLeaveTheRoot) {
  for (const auto* path : {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\n"})
    EXPECT_FALSE(check_cgroup_path(path)) << path;
  for (const auto* path : {"a", "a/b", "skerry-a.scope/0123", "a..b", "..."})
    EXPECT_TRUE(check_cgroup_path(path)) << path;
}

TEST(CpuShares, FollowTheV2Scale) {
  EXPECT_EQ(shares_of_weight(100), 1024U);
  EXPECT_EQ(shares_of_weight(1), 10U);
  EXPECT_EQ(shares_of_weight(10000), 102400U);
  EXPECT_EQ(quota_microseconds(MilliCpu{10}), 1000U);
  EXPECT_EQ(quota_microseconds(MilliCpu{2500}), 250000U);
}

// A fixture of ordinary files: what is written where, without a v2 host.
class CgroupV2Files : public ::testing::Test {
 protected:
  CgroupV2Files() {
    temp_.file("cgroup.controllers", "cpuset cpu io memory pids\n");
    temp_.file("cgroup.subtree_control", "");
    auto manager = make_cgroup_manager({.mode = CgroupMode::kV2, .unified = temp_.path()});
    EXPECT_TRUE(manager);
    manager_ = std::move(*manager);
    auto group = manager_->create("c");
    EXPECT_TRUE(group);
    group_ = std::move(*group);
    for (const auto* file : {"cpu.weight", "cpu.max", "memory.max", "memory.low", "pids.max"})
      temp_.file(std::string("c/") + file, "");
    temp_.file("c/memory.current", "4096\n");
    temp_.file("c/memory.high", "max\n");
  }
  std::string text(const std::string& name) const {
    return read_file_at(temp_.fd(), name, 1000).value_or("?");
  }

  TempDir temp_;
  std::unique_ptr<CgroupManager> manager_;
  std::unique_ptr<Cgroup> group_;
};

TEST_F(CgroupV2Files, HasALeafForProcesses) {
  EXPECT_TRUE(temp_.exists("c/main"));
  const std::vector<std::string> expected = {"cpuset", "cpu", "io", "memory", "pids", "devices"};
  EXPECT_EQ(manager_->controllers(), expected);
}

TEST_F(CgroupV2Files, WritesLimits) {
  ASSERT_TRUE(group_->set_cpu({.weight = 200, .limit = MilliCpu{500}}));
  EXPECT_EQ(text("c/cpu.weight"), "200");
  EXPECT_EQ(text("c/cpu.max"), "50000 100000");
  ASSERT_TRUE(group_->set_memory({.limit = Bytes{8192}, .reservation = Bytes{4096}}));
  EXPECT_EQ(text("c/memory.max"), "8192");
  EXPECT_EQ(text("c/memory.low"), "4096");
  ASSERT_TRUE(group_->set_pids_max(7));
  EXPECT_EQ(text("c/pids.max"), "7");
}

TEST_F(CgroupV2Files, RefusesALimitThatReclaimCannotReach) {
  const auto set = group_->set_memory({.limit = Bytes{1024}});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(text("c/memory.max"), "") << "the kernel would have killed";
  EXPECT_EQ(text("c/memory.high").substr(0, 4), "max\n");
}

TEST_F(CgroupV2Files, SaysWhenThereIsNoSwapAccounting) {
  EXPECT_EQ(group_->set_memory({.swap = Bytes{0}}).error().code(), Code::kFailedPrecondition);
}

TEST_F(CgroupV2Files, ReadsUse) {
  temp_.file("c/cpu.stat",
             "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 5\nnr_throttled 2\n"
             "throttled_usec 7\n");
  temp_.file("c/memory.stat", "anon 100\nfile 200\ninactive_file 96\n");
  temp_.file("c/memory.events", "low 0\nhigh 0\nmax 1\noom 1\noom_kill 3\n");
  temp_.file("c/memory.peak", "9000\n");
  temp_.file("c/pids.current", "4\n");
  const auto usage = group_->usage();
  ASSERT_TRUE(usage) << usage.error().message();
  EXPECT_EQ(usage->cpu_nanoseconds, 30'000U);
  EXPECT_EQ(usage->cpu_user_nanoseconds, 20'000U);
  EXPECT_EQ(usage->cpu_system_nanoseconds, 10'000U);
  EXPECT_EQ(usage->cpu_periods, 5U);
  EXPECT_EQ(usage->cpu_throttled_periods, 2U);
  EXPECT_EQ(usage->cpu_throttled_nanoseconds, 7'000U);
  EXPECT_EQ(usage->memory_current, Bytes{4096});
  EXPECT_EQ(usage->memory_working_set, Bytes{4000});
  EXPECT_EQ(usage->memory_anonymous, Bytes{100});
  EXPECT_EQ(usage->memory_file, Bytes{200});
  EXPECT_EQ(usage->memory_peak, Bytes{9000});
  EXPECT_EQ(usage->oom_kills, 3U);
  EXPECT_EQ(usage->pids_current, 4U);
}

TEST_F(CgroupV2Files, EnablesEveryControllerForABranch) {
  temp_.dir("s");
  temp_.file("s/cgroup.controllers", "cpu memory pids\n");
  temp_.file("s/cgroup.subtree_control", "");
  const auto made = manager_->make_branch("s");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(text("cgroup.subtree_control"), "+cpuset +cpu +io +memory +pids");
  EXPECT_EQ(text("s/cgroup.subtree_control"), "+cpu +memory +pids");
}

/// Runs a device program as the kernel would, for the few instructions it is made of.
std::int64_t run_program(const std::vector<bpf_insn>& code, const bpf_cgroup_dev_ctx& context) {
  std::array<std::int64_t, 11> registers{};
  for (std::size_t at = 0; at < code.size(); ++at) {
    const auto& step = code[at];
    auto& target = registers.at(step.dst_reg);
    const auto source = registers.at(step.src_reg);
    switch (step.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        target =
            step.off == 0 ? context.access_type : (step.off == 4 ? context.major : context.minor);
        break;
      case BPF_ALU64 | BPF_MOV | BPF_K:
        target = step.imm;
        break;
      case BPF_ALU64 | BPF_MOV | BPF_X:
        target = source;
        break;
      case BPF_ALU64 | BPF_AND | BPF_K:
        target &= step.imm;
        break;
      case BPF_ALU64 | BPF_RSH | BPF_K:
        target >>= step.imm;
        break;
      case BPF_JMP | BPF_JNE | BPF_K:
        if (target != step.imm) at += static_cast<std::size_t>(step.off);
        break;
      case BPF_JMP | BPF_JNE | BPF_X:
        if (target != source) at += static_cast<std::size_t>(step.off);
        break;
      case BPF_JMP | BPF_EXIT:
        return registers[0];
      default:
        ADD_FAILURE() << "unknown instruction " << static_cast<int>(step.code);
        return -1;
    }
  }
  ADD_FAILURE() << "program runs off its end";
  return -1;
}

bpf_cgroup_dev_ctx request(unsigned type, unsigned access, unsigned major, unsigned minor) {
  return {.access_type = (access << 16U) | type, .major = major, .minor = minor};
}

TEST(DeviceProgram, RefusesEverythingWithoutRules) {
  const auto code = cgroup_v2::assemble_device_program({});
  EXPECT_EQ(run_program(code, request(BPF_DEVCG_DEV_CHAR, BPF_DEVCG_ACC_READ, 1, 3)), 0);
}

TEST(DeviceProgram, FollowsItsRules) {
  const auto code =
      cgroup_v2::assemble_device_program({{.type = 'c', .major = 1, .minor = 3, .access = "rw"},
                                          {.type = 'b', .access = "m"},
                                          {.type = 'c', .major = 136}});
  constexpr unsigned kRead = BPF_DEVCG_ACC_READ;
  constexpr unsigned kWrite = BPF_DEVCG_ACC_WRITE;
  constexpr unsigned kMknod = BPF_DEVCG_ACC_MKNOD;
  constexpr unsigned kChar = BPF_DEVCG_DEV_CHAR;
  constexpr unsigned kBlock = BPF_DEVCG_DEV_BLOCK;
  EXPECT_EQ(run_program(code, request(kChar, kRead, 1, 3)), 1);
  EXPECT_EQ(run_program(code, request(kChar, kRead | kWrite, 1, 3)), 1);
  EXPECT_EQ(run_program(code, request(kChar, kMknod, 1, 3)), 0);
  EXPECT_EQ(run_program(code, request(kChar, kRead | kMknod, 1, 3)), 0);
  EXPECT_EQ(run_program(code, request(kChar, kRead, 1, 4)), 0);
  EXPECT_EQ(run_program(code, request(kBlock, kRead, 1, 3)), 0);
  EXPECT_EQ(run_program(code, request(kBlock, kMknod, 8, 1)), 1);
  EXPECT_EQ(run_program(code, request(kChar, kRead | kWrite | kMknod, 136, 77)), 1);
}

}  // namespace
}  // namespace skerry::os
