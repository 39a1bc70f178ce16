// A signal to every process of a group.
#pragma once

#include "base/result.h"
#include "os/cgroup/cgroup.h"

namespace skerry::os {

/// To those the group names now; what one of them forks meanwhile may be missed, for which
/// Cgroup::kill() is there. Errors: as Cgroup::processes(). Blocks: never.
Result<> signal_processes(const Cgroup& group, int signal);

}  // namespace skerry::os
