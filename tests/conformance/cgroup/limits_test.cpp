// Limits are real: set, read back, and run into.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tests/conformance/cgroup/fixture.h"

namespace skerry::os::test {
namespace {

constexpr std::uint64_t kMiB = 1024UL * 1024;
constexpr int kPatienceMs = 20'000;

class CgroupLimitTest : public CgroupTest {};

INSTANTIATE_TEST_SUITE_P(On,
                         CgroupLimitTest,
                         ::testing::Values(Trees::kHost, Trees::kV1, Trees::kV2),
                         [](const auto& trees) {
                           if (trees.param == Trees::kHost) return "Host";
                           return trees.param == Trees::kV1 ? "V1" : "V2";
                         });

bool touch_memory(std::uint64_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  for (std::uint64_t at = 0; at < bytes; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
  return true;
}

TEST_P(CgroupLimitTest, SaysWhenAControllerIsMissing) {
  const auto group = create("a");
  if (!has("memory")) {
    EXPECT_EQ(group->set_memory({.limit = kMebibyte}).error().code(), Code::kFailedPrecondition);
  }
  if (!has("cpu")) {
    EXPECT_EQ(group->set_cpu({.weight = 100}).error().code(), Code::kFailedPrecondition);
  }
  if (!has("pids")) {
    EXPECT_EQ(group->set_pids_max(1).error().code(), Code::kFailedPrecondition);
  }
  EXPECT_TRUE(group->usage()) << "what is not counted is zero";
}

TEST_P(CgroupLimitTest, SetsCpu) {
  const auto group = create("a");
  if (!has("cpu")) return;
  const auto set = group->set_cpu({.weight = 50, .limit = MilliCpu{1500}});
  ASSERT_TRUE(set) << set.error().message();
  if (roots_.mode == CgroupMode::kV2) {
    EXPECT_EQ(value("cpu", "a", "cpu.weight"), "50");
    EXPECT_EQ(value("cpu", "a", "cpu.max"), "150000 100000");
  } else {
    EXPECT_EQ(value("cpu", "a", "cpu.shares"), "512");
    EXPECT_EQ(value("cpu", "a", "cpu.cfs_quota_us"), "150000");
  }
  ASSERT_TRUE(group->set_cpu({.limit = MilliCpu{0}}));
  if (roots_.mode == CgroupMode::kV2) {
    EXPECT_EQ(value("cpu", "a", "cpu.max"), "max 100000");
  } else {
    EXPECT_EQ(value("cpu", "a", "cpu.cfs_quota_us"), "-1");
    EXPECT_EQ(value("cpu", "a", "cpu.shares"), "512") << "absent leaves it";
  }
}

TEST_P(CgroupLimitTest, RefusesCpuLimitsTheKernelCannotKeep) {
  const auto group = create("a");
  if (!has("cpu")) return;
  const auto small = group->set_cpu({.limit = MilliCpu{9}});
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(small.error().reason(), "LIMIT_TOO_SMALL");
  EXPECT_TRUE(group->set_cpu({.limit = MilliCpu{10}}));
  EXPECT_EQ(group->set_cpu({.weight = 0}).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(group->set_cpu({.weight = 10001}).error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(group->set_cpu({.weight = 1}));
  EXPECT_TRUE(group->set_cpu({.weight = 10000}));
}

TEST_P(CgroupLimitTest, LimitsTheNumberOfProcesses) {
  const auto group = create("a");
  if (!has("pids")) return;
  ASSERT_TRUE(group->set_pids_max(1));
  const auto join = group->join();
  ASSERT_TRUE(join);
  GroupProcess process(*join, [] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    if (child > 0) return 1;
    return errno == EAGAIN ? 0 : 2;
  });
  EXPECT_EQ(process.wait(), ExitStatus{});
  EXPECT_TRUE(group->set_pids_max(0)) << "zero is unlimited";
  EXPECT_EQ(value("pids", "a", "pids.max"), "max");
}

TEST_P(CgroupLimitTest, KillsBeyondTheMemoryLimitAndCountsIt) {
  const auto group = create("a");
  if (!has("memory")) return;
  ASSERT_TRUE(group->set_memory({.limit = Bytes{8 * kMiB}}));
  EXPECT_EQ(*group->oom_kills(), 0U);
  const auto join = group->join();
  ASSERT_TRUE(join);
  const auto events = group->open_oom_events();
  ASSERT_TRUE(events) << events.error().message();
  GroupProcess process(*join, [] { return touch_memory(64 * kMiB) ? 0 : 1; });
  pollfd told{.fd = events->get(), .events = POLLIN | POLLPRI, .revents = 0};
  EXPECT_EQ(::poll(&told, 1, kPatienceMs), 1) << "the kernel tells of the kill";
  EXPECT_EQ(process.wait().signal, SIGKILL);
  EXPECT_EQ(*group->oom_kills(), 1U);
  EXPECT_EQ(group->usage()->oom_kills, 1U);
}

TEST_P(CgroupLimitTest, RefusesAMemoryLimitBelowTheUse) {
  const auto group = create("a");
  if (!has("memory")) return;
  const auto join = group->join();
  ASSERT_TRUE(join);
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const GroupProcess process(*join, [&] {
    if (!touch_memory(32 * kMiB) || ::write(ready[1], "r", 1) != 1) return 1;
    return sleep_forever();
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_GE(group->usage()->memory_anonymous.value(), 32 * kMiB);
  const auto lowered = group->set_memory({.limit = Bytes{4 * kMiB}});
  ASSERT_FALSE(lowered);
  EXPECT_EQ(lowered.error().code(), Code::kResourceExhausted) << lowered.error().message();
  EXPECT_TRUE(*is_alive(process.pidfd()));
  EXPECT_TRUE(group->set_memory({.limit = Bytes{64 * kMiB}}));
}

TEST_P(CgroupLimitTest, MovesTheMemoryLimitInBothDirections) {
  const auto group = create("a");
  if (!has("memory")) return;
  const bool is_v2 = roots_.mode == CgroupMode::kV2;
  for (const std::uint64_t mebibytes : {64U, 128U, 32U, 0U, 16U}) {
    const auto set = group->set_memory({.limit = Bytes{mebibytes * kMiB}});
    ASSERT_TRUE(set) << set.error().message();
    const auto text = value("memory", "a", is_v2 ? "memory.max" : "memory.limit_in_bytes");
    if (mebibytes != 0) {
      EXPECT_EQ(text, std::to_string(mebibytes * kMiB));
    }
  }
}

TEST_P(CgroupLimitTest, SetsSwapOnTopOfMemoryOrSaysItCannot) {
  const auto group = create("a");
  if (!has("memory")) return;
  const auto set = group->set_memory({.limit = Bytes{32 * kMiB}, .swap = Bytes{16 * kMiB}});
  if (!set) {
    EXPECT_EQ(set.error().code(), Code::kFailedPrecondition);
    return;
  }
  if (roots_.mode == CgroupMode::kV2) {
    EXPECT_EQ(value("memory", "a", "memory.swap.max"), std::to_string(16 * kMiB));
    return;
  }
  const auto memsw = [&] { return value("memory", "a", "memory.memsw.limit_in_bytes"); };
  EXPECT_EQ(memsw(), std::to_string(48 * kMiB));
  ASSERT_TRUE(group->set_memory({.limit = Bytes{64 * kMiB}}));
  EXPECT_EQ(memsw(), std::to_string(80 * kMiB)) << "swap stays on top when memory grows";
  ASSERT_TRUE(group->set_memory({.limit = Bytes{8 * kMiB}}));
  EXPECT_EQ(memsw(), std::to_string(24 * kMiB)) << "and when it shrinks";
  ASSERT_TRUE(group->set_memory({.swap = Bytes{0}}));
  EXPECT_EQ(memsw(), std::to_string(8 * kMiB));
  ASSERT_TRUE(group->set_memory({.swap = kUnlimitedSwap}));
}

TEST_P(CgroupLimitTest, CountsUse) {
  const auto group = create("a");
  const auto join = group->join();
  ASSERT_TRUE(join);
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const GroupProcess process(*join, [&] {
    if (!touch_memory(8 * kMiB) || ::write(ready[1], "r", 1) != 1) return 1;
    return sleep_forever();
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  const auto usage = group->usage();
  ASSERT_TRUE(usage) << usage.error().message();
  EXPECT_GT(usage->cpu_nanoseconds, 0U);
  if (has("memory")) {
    EXPECT_GE(usage->memory_current.value(), 8 * kMiB);
    EXPECT_GE(usage->memory_working_set.value(), 8 * kMiB);
    EXPECT_GE(usage->memory_anonymous.value(), 8 * kMiB);
    EXPECT_GE(usage->memory_peak.value(), 8 * kMiB);
  }
  if (has("pids")) {
    EXPECT_EQ(usage->pids_current, 1U);
  }
}

/// What a process in the group gets when it opens the node: 0 or the errno value.
int try_open(const Cgroup& group, const char* path, int flags) {
  const auto join = group.join();
  EXPECT_TRUE(join);
  GroupProcess process(*join, [&] {
    const int fd = ::open(path, flags | O_CLOEXEC);
    return fd >= 0 ? 0 : errno;
  });
  return process.wait().code;
}

TEST_P(CgroupLimitTest, AllowsOnlyTheDevicesListed) {
  const auto group = create("a");
  const auto set = group->set_devices({{.type = 'c', .major = 1, .minor = 3, .access = "rw"}});
  ASSERT_TRUE(set) << set.error().message();
  EXPECT_EQ(try_open(*group, "/dev/null", O_RDWR), 0);
  EXPECT_EQ(try_open(*group, "/dev/zero", O_RDONLY), EPERM);
}

TEST_P(CgroupLimitTest, ReplacesTheDevicesAllowed) {
  const auto group = create("a");
  ASSERT_TRUE(group->set_devices({{.type = 'c', .major = 1, .minor = 3}}));
  ASSERT_TRUE(group->set_devices({{.type = 'c', .major = 1, .minor = 5}}));
  EXPECT_EQ(try_open(*group, "/dev/null", O_RDWR), EPERM);
  EXPECT_EQ(try_open(*group, "/dev/zero", O_RDONLY), 0);
  ASSERT_TRUE(group->set_devices({}));
  EXPECT_EQ(try_open(*group, "/dev/zero", O_RDONLY), EPERM);
}

TEST_P(CgroupLimitTest, TellsKindsOfDeviceAccessApart) {
  const auto group = create("a");
  ASSERT_TRUE(group->set_devices(
      {{.type = 'c', .major = 1, .minor = 3, .access = "r"}, {.type = 'c', .access = "m"}}));
  EXPECT_EQ(try_open(*group, "/dev/null", O_RDONLY), 0);
  EXPECT_EQ(try_open(*group, "/dev/null", O_WRONLY), EPERM);
  const auto node = std::string("/tmp/skerry-node-") + random_hex(6);
  const auto try_mknod = [&](mode_t type) {
    const auto join = group->join();
    EXPECT_TRUE(join);
    GroupProcess process(*join, [&] {
      const int made = ::mknod(node.c_str(), type | 0600, makedev(1, 5));
      const int sys_errno = made == 0 ? 0 : errno;
      ::unlink(node.c_str());
      return sys_errno;
    });
    return process.wait().code;
  };
  EXPECT_EQ(try_mknod(S_IFCHR), 0);
  EXPECT_EQ(try_mknod(S_IFBLK), EPERM);
}

TEST_P(CgroupLimitTest, RefusesDeviceRulesThatAreNone) {
  const auto group = create("a");
  for (const DeviceRule& rule : {DeviceRule{.type = 'x'},
                                 DeviceRule{.access = ""},
                                 DeviceRule{.access = "rwx"},
                                 DeviceRule{.major = -2}}) {
    EXPECT_EQ(group->set_devices({rule}).error().code(), Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace skerry::os::test
