// The controllers of cgroup v1, one file each. `dir` is the group's directory in the controller's
// hierarchy, borrowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/cgroup/cgroup.h"
#include "os/cgroup/tree.h"

namespace skerry::os::cgroup_v1 {

/// cpu.shares, cpu.cfs_quota_us.
Result<> set_cpu(int dir, const CpuSettings& settings);
/// memory.limit_in_bytes, memory.soft_limit_in_bytes and, with swap accounting, memory.memsw.
Result<> set_memory(int dir, const MemorySettings& settings, bool swap_accounting);
Result<> set_pids_max(int dir, std::uint64_t max);
/// Brings devices.list to exactly `allowed`, writing only what differs.
Result<> set_devices(int dir, const std::vector<DeviceRule>& allowed);
Result<std::uint64_t> oom_kills(int dir);
/// An eventfd that the kernel signals (memory.oom_control by cgroup.event_control).
Result<UniqueFd> open_oom_events(int dir);

/// Blocks: up to one second, then thaws again: DEADLINE_EXCEEDED.
Result<> freeze(int dir);
Result<> thaw(int dir);
/// Freezes, so that nobody forks away from the list; SIGKILL to each; thaws.
Result<> kill(int dir);
/// Polls: v1 says nothing when a group becomes empty.
Result<> wait_empty(int dir, const CgroupPath& path, std::chrono::milliseconds deadline);

/// A cpuset without processors or memory nodes takes no process. Fills an empty one from its
/// parent's, `dir` being the group's directory.
Result<> fill_cpuset(int parent, int dir);
/// Makes the kernel do that for all groups made below from now on.
Result<> inherit_cpuset_below(int dir);

/// Control files read at every sample.
struct UsageFiles {
  KeptFile cpu_usage{"cpuacct.usage"};
  KeptFile memory_usage{"memory.usage_in_bytes"};
  KeptFile memory_stat{"memory.stat"};
  KeptFile pids_current{"pids.current"};
};
Result<> read_cpuacct(int dir, UsageFiles& files, CgroupUsage& usage);
Result<> read_throttling(int dir, CgroupUsage& usage);
Result<> read_memory_usage(int dir, UsageFiles& files, CgroupUsage& usage);
Result<> read_pids_usage(int dir, UsageFiles& files, CgroupUsage& usage);

}  // namespace skerry::os::cgroup_v1
