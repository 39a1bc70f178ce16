// What every group of a cgroup2 tree can do without a controller: kill, freeze, say whether it is
// empty. A hybrid host's unified tree has these too. `dir` is a group's directory, borrowed.
#pragma once

#include <chrono>

#include "base/result.h"
#include "os/cgroup/cgroup.h"

namespace skerry::os::cgroup_v2 {

/// cgroup.kill, or where there is none (before 5.14) freeze, SIGKILL to each, thaw. A group that is
/// gone is fine.
Result<> kill(int dir);
/// Blocks: up to one second, then thaws again: DEADLINE_EXCEEDED.
Result<> freeze(int dir);
Result<> thaw(int dir);
/// A group that is gone is not populated.
Result<bool> populated(int dir);
/// Blocks: until empty or the deadline. `path` is for the error.
Result<> wait_empty(int dir, const CgroupPath& path, std::chrono::milliseconds deadline);

}  // namespace skerry::os::cgroup_v2
