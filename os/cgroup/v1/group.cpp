#include "os/cgroup/v1/group.h"

#include <fcntl.h>

#include <cerrno>

#include <fmt/format.h>

#include "os/cgroup/v2/core.h"

namespace skerry::os::cgroup_v1 {

Result<int> Group::limit_dir(int hierarchy, std::string_view controller) const {
  if (kind_ == GroupKind::kExec) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("group \"{}\" of an exec has no limits of its own", path_));
  }
  if (hierarchy < 0) {
    return Error(Code::kFailedPrecondition, fmt::format("host has no {} controller", controller));
  }
  return dirs_.dirs[static_cast<std::size_t>(hierarchy)].get();
}

Result<> Group::named(Result<> result) const {
  if (!result) return std::move(result).error().wrap(fmt::format("group \"{}\"", path_));
  return result;
}

int Group::freezer_dir() const {
  return layout_.freezer < 0 ? -1 : dirs_.dirs[static_cast<std::size_t>(layout_.freezer)].get();
}

int Group::member_dir() const {
  if (dirs_.unified) return dirs_.unified.get();
  const int freezer = freezer_dir();
  return freezer >= 0 ? freezer : dirs_.dirs.front().get();
}

Result<CgroupJoin> Group::join() const {
  CgroupJoin join;
  join.tasks.reserve(dirs_.dirs.size());
  for (const auto& dir : dirs_.dirs) {
    UniqueFd tasks(::openat(dir.get(), "tasks", O_WRONLY | O_CLOEXEC));
    if (!tasks) return Error::from_errno(errno, fmt::format("open tasks of group \"{}\"", path_));
    join.tasks.push_back(std::move(tasks));
  }
  if (dirs_.unified) {
    join.clone_into.reset(::fcntl(dirs_.unified.get(), F_DUPFD_CLOEXEC, 0));
    if (!join.clone_into) return Error::from_errno(errno, fmt::format("join group \"{}\"", path_));
  }
  return join;
}

Result<> Group::set_cpu(const CpuSettings& settings) {
  TRY_ASSIGN(const int dir, limit_dir(layout_.cpu, "cpu"));
  return named(cgroup_v1::set_cpu(dir, settings));
}

Result<> Group::set_memory(const MemorySettings& settings) {
  TRY_ASSIGN(const int dir, limit_dir(layout_.memory, "memory"));
  return named(cgroup_v1::set_memory(dir, settings, layout_.swap_accounting));
}

Result<> Group::set_pids_max(std::uint64_t max) {
  TRY_ASSIGN(const int dir, limit_dir(layout_.pids, "pids"));
  return named(cgroup_v1::set_pids_max(dir, max));
}

Result<> Group::set_devices(const std::vector<DeviceRule>& allowed) {
  TRY_ASSIGN(const int dir, limit_dir(layout_.devices, "devices"));
  return named(cgroup_v1::set_devices(dir, allowed));
}

// What this host does not count stays zero.
Result<CgroupUsage> Group::usage() const {
  CgroupUsage usage;
  if (kind_ == GroupKind::kExec) TRY(limit_dir(-1, "usage"));
  if (layout_.cpuacct >= 0) {
    TRY_ASSIGN(const int dir, limit_dir(layout_.cpuacct, "cpuacct"));
    TRY(read_cpuacct(dir, usage_files_, usage));
  }
  if (layout_.cpu >= 0) {
    TRY_ASSIGN(const int dir, limit_dir(layout_.cpu, "cpu"));
    TRY(read_throttling(dir, usage));
  }
  if (layout_.memory >= 0) {
    TRY_ASSIGN(const int dir, limit_dir(layout_.memory, "memory"));
    TRY(read_memory_usage(dir, usage_files_, usage));
  }
  if (layout_.pids >= 0) {
    TRY_ASSIGN(const int dir, limit_dir(layout_.pids, "pids"));
    TRY(read_pids_usage(dir, usage_files_, usage));
  }
  return usage;
}

Result<std::uint64_t> Group::oom_kills() const {
  TRY_ASSIGN(const int dir, limit_dir(layout_.memory, "memory"));
  return cgroup_v1::oom_kills(dir);
}

Result<UniqueFd> Group::open_oom_events() const {
  TRY_ASSIGN(const int dir, limit_dir(layout_.memory, "memory"));
  return cgroup_v1::open_oom_events(dir);
}

Result<bool> Group::populated() const {
  if (dirs_.unified) return cgroup_v2::populated(dirs_.unified.get());
  TRY_ASSIGN(const auto members, processes());
  return !members.empty();
}

Result<std::vector<pid_t>> Group::processes() const { return group_processes(member_dir()); }

Result<> Group::freeze() {
  if (dirs_.unified) return named(cgroup_v2::freeze(dirs_.unified.get()));
  if (freezer_dir() < 0) return Error(Code::kFailedPrecondition, "host has no freezer controller");
  return named(cgroup_v1::freeze(freezer_dir()));
}

Result<> Group::thaw() {
  if (dirs_.unified) return named(cgroup_v2::thaw(dirs_.unified.get()));
  if (freezer_dir() < 0) return Error(Code::kFailedPrecondition, "host has no freezer controller");
  return named(cgroup_v1::thaw(freezer_dir()));
}

Result<> Group::kill() {
  if (dirs_.unified) return named(cgroup_v2::kill(dirs_.unified.get()));
  if (freezer_dir() < 0) return named(kill_listed(member_dir()));
  return named(cgroup_v1::kill(freezer_dir()));
}

Result<> Group::wait_empty(std::chrono::milliseconds deadline) const {
  if (dirs_.unified) return cgroup_v2::wait_empty(dirs_.unified.get(), path_, deadline);
  return cgroup_v1::wait_empty(member_dir(), path_, deadline);
}

}  // namespace skerry::os::cgroup_v1
