// What a group and a namespace use, as the API shows it: pure.
#pragma once

#include <vector>

#include "agent/networks/interface_stats.h"
#include "base/clock.h"
#include "os/cgroup/cgroup.h"
#include "skerry/v1/container.pb.h"
#include "skerry/v1/network.pb.h"
#include "skerry/v1/resources.pb.h"
#include "skerry/v1/stats.pb.h"

namespace skerry::agent {

/// `out` has the fields cpu, memory and pids: ContainerStats, PodStats.
template <class Stats>
void fill_usage(const os::CgroupUsage& usage, const v1::ResourceLimits& limits, Stats& out) {
  v1::CpuStats& cpu = *out.mutable_cpu();
  cpu.set_usage_ns(usage.cpu_nanoseconds);
  cpu.set_user_ns(usage.cpu_user_nanoseconds);
  cpu.set_system_ns(usage.cpu_system_nanoseconds);
  if (limits.cpu().has_millicpu()) {
    cpu.set_periods(usage.cpu_periods);
    cpu.set_throttled_periods(usage.cpu_throttled_periods);
    cpu.set_throttled_ns(usage.cpu_throttled_nanoseconds);
  }
  *cpu.mutable_limit() = limits.cpu();
  v1::MemoryStats& memory = *out.mutable_memory();
  memory.set_usage_bytes(usage.memory_current.value());
  memory.set_working_set_bytes(usage.memory_working_set.value());
  memory.set_anon_bytes(usage.memory_anonymous.value());
  memory.set_file_bytes(usage.memory_file.value());
  memory.set_swap_bytes(usage.swap_current.value());
  memory.set_peak_bytes(usage.memory_peak.value());
  memory.set_oom_kills(usage.oom_kills);
  *memory.mutable_limit() = limits.memory();
  out.mutable_pids()->set_current(usage.pids_current);
  *out.mutable_pids()->mutable_limit() = limits.pids();
}

/// Without interfaces.
void fill_stats(const v1::Container& container,
                const os::CgroupUsage& usage,
                WallTime now,
                v1::ContainerStats& out);

/// `networks` say which interface is whose.
void fill_interfaces(const std::vector<InterfaceCounters>& interfaces,
                     const google::protobuf::RepeatedPtrField<v1::AttachedNetwork>& networks,
                     google::protobuf::RepeatedPtrField<v1::InterfaceStats>& out);

}  // namespace skerry::agent
