// Work in one cgroup tree that is the same in v1 and v2: making, removing, listing.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "os/cgroup/cgroup.h"

namespace skerry::os {

/// Errors: INVALID_ARGUMENT when the path is empty, absolute, or has "", "." or ".." in it.
Result<> check_cgroup_path(const CgroupPath& path);

/// The path's part above its last component; empty at the top.
CgroupPath parent_group(const CgroupPath& path);

/// Errors: ALREADY_EXISTS; NOT_FOUND without the parent.
Result<> make_group(int root, const CgroupPath& path);
/// mkdir -p. Idempotent.
Result<> make_groups(int root, const CgroupPath& path);
/// O_PATH. Errors: NOT_FOUND.
Result<UniqueFd> open_group(int root, const CgroupPath& path);
/// With the groups below. Errors: FAILED_PRECONDITION while a process is in one. Idempotent.
Result<> remove_group(int root, const CgroupPath& path);

/// Names of the groups directly below, unsorted. A group that is gone has none.
Result<std::vector<std::string>> child_groups(int dir);

/// The processes of the group and its descendants. A group that is gone has none.
Result<std::vector<pid_t>> group_processes(int dir);

/// SIGKILL to each process listed now. Those that are gone are fine.
Result<> kill_listed(int dir);

/// DEADLINE_EXCEEDED naming up to three of the processes with their state.
Error still_populated(const CgroupPath& path, const std::vector<pid_t>& processes);

/// A control file that is read often: opened once, then read at offset 0. Thread: one call at a
/// time.
class KeptFile final {
 public:
  explicit KeptFile(const char* name) : name_(name) {}
  /// The text, at most 16 KiB. Errors: NOT_FOUND when there is no such file.
  Result<std::string> read(int dir);

 private:
  const char* name_;
  UniqueFd fd_;
};

/// Reads one number from a control file; "max" is ~0.
Result<std::uint64_t> read_number_at(int dir, const char* name);

}  // namespace skerry::os
