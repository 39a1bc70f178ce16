// Where everything but skerryd lives: one cgroup scope that outlives the daemon's service.
//
// Under systemd the scope is a transient, delegated unit of skerry.slice (a unit of its own cannot
// restart while survivors sit in sub-cgroups of it), made around the holder, which keeps it
// non-empty. Elsewhere it is a plain cgroup of the same name. Below it:
//
//   SCOPE/shims     holder, launcher, shims     SCOPE/plugins/<op>   calls of foreign programs
//   SCOPE/helpers   our own other programs      SCOPE/<uid>          containers (unless configured)
#pragma once

#include <string>

#include "base/result.h"
#include "os/cgroup/cgroup.h"

namespace skerry::agent {

/// The scope's path below the cgroup roots: "skerry.slice/skerry.scope", or "skerry". `name` is the
/// daemon's.
os::CgroupPath scope_path(const std::string& name);

/// Moves a new holder into the scope, making it first. Errors: UNAVAILABLE when systemd does not do
/// it in time. Blocks: kernel and systemd, up to 10 s.
Result<> adopt_holder(os::CgroupManager& cgroups, const std::string& name, pid_t holder);

/// Makes what lies in the scope, before a holder is there (no systemd) or after. Idempotent.
Result<> prepare_scope(os::CgroupManager& cgroups, const os::CgroupPath& scope);

}  // namespace skerry::agent
