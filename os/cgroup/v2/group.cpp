#include "os/cgroup/v2/group.h"

#include <fcntl.h>

#include <cerrno>

#include <fmt/format.h>

#include "os/cgroup/v2/core.h"

namespace skerry::os::cgroup_v2 {

// In a group that is there, a missing control file is a controller that was not enabled.
Result<> Group::limit(std::string_view controller, Result<> result) const {
  if (result) return result;
  const bool is_missing = result.error().code() == Code::kNotFound;
  auto error = std::move(result).error().wrap(fmt::format("{} of group \"{}\"", controller, path_));
  return is_missing ? std::move(error).with_code(Code::kFailedPrecondition) : std::move(error);
}

Result<CgroupJoin> Group::join() const {
  const int dir = leaf_ ? leaf_.get() : dir_.get();
  CgroupJoin join;
  join.clone_into.reset(::fcntl(dir, F_DUPFD_CLOEXEC, 0));
  if (!join.clone_into) return Error::from_errno(errno, fmt::format("join group \"{}\"", path_));
  return join;
}

Result<> Group::set_cpu(const CpuSettings& settings) {
  return limit("cpu", cgroup_v2::set_cpu(dir_.get(), settings));
}

Result<> Group::set_memory(const MemorySettings& settings) {
  return limit("memory", cgroup_v2::set_memory(dir_.get(), settings));
}

Result<> Group::set_pids_max(std::uint64_t max) {
  return limit("pids", cgroup_v2::set_pids_max(dir_.get(), max));
}

Result<> Group::set_devices(const std::vector<DeviceRule>& allowed) {
  return limit("devices", cgroup_v2::set_devices(dir_.get(), allowed));
}

Result<CgroupUsage> Group::usage() const {
  CgroupUsage usage;
  TRY(read_cpu_usage(dir_.get(), usage_files_, usage));
  TRY(read_memory_usage(dir_.get(), usage_files_, usage));
  TRY(read_pids_usage(dir_.get(), usage_files_, usage));
  return usage;
}

Result<std::uint64_t> Group::oom_kills() const {
  auto count = cgroup_v2::oom_kills(dir_.get());
  if (!count && count.error().code() == Code::kNotFound)
    return std::move(count).error().with_code(Code::kFailedPrecondition);
  return count;
}

Result<UniqueFd> Group::open_oom_events() const { return cgroup_v2::open_oom_events(dir_.get()); }

Result<bool> Group::populated() const { return cgroup_v2::populated(dir_.get()); }
Result<std::vector<pid_t>> Group::processes() const { return group_processes(dir_.get()); }
Result<> Group::freeze() { return cgroup_v2::freeze(dir_.get()); }
Result<> Group::thaw() { return cgroup_v2::thaw(dir_.get()); }
Result<> Group::kill() { return cgroup_v2::kill(dir_.get()); }

Result<> Group::wait_empty(std::chrono::milliseconds deadline) const {
  return cgroup_v2::wait_empty(dir_.get(), path_, deadline);
}

}  // namespace skerry::os::cgroup_v2
