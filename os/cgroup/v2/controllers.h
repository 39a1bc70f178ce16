// The controllers of cgroup v2, one file each. `dir` is a group's directory, borrowed. A file that
// is not there because the controller is not enabled is NOT_FOUND.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "os/cgroup/cgroup.h"
#include "os/cgroup/tree.h"

namespace skerry::os::cgroup_v2 {

/// cpu.weight, cpu.max.
Result<> set_cpu(int dir, const CpuSettings& settings);
/// memory.max, memory.low, memory.swap.max.
Result<> set_memory(int dir, const MemorySettings& settings);
Result<> set_pids_max(int dir, std::uint64_t max);
/// Replaces the device program of the group.
Result<> set_devices(int dir, const std::vector<DeviceRule>& allowed);
Result<std::uint64_t> oom_kills(int dir);
/// memory.events, on which the kernel raises EPOLLPRI at every change.
Result<UniqueFd> open_oom_events(int dir);

/// Control files read at every sample.
struct UsageFiles {
  KeptFile cpu_stat{"cpu.stat"};
  KeptFile memory_current{"memory.current"};
  KeptFile memory_stat{"memory.stat"};
  KeptFile pids_current{"pids.current"};
};
/// What the group's controllers count; those that are not enabled leave zeroes.
Result<> read_cpu_usage(int dir, UsageFiles& files, CgroupUsage& usage);
Result<> read_memory_usage(int dir, UsageFiles& files, CgroupUsage& usage);
Result<> read_pids_usage(int dir, UsageFiles& files, CgroupUsage& usage);

}  // namespace skerry::os::cgroup_v2
