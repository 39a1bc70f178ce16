// The manager of a host with cgroup v2 alone: the reference.
#pragma once

#include <memory>

#include "os/cgroup/cgroup.h"

namespace skerry::os::cgroup_v2 {

/// Errors: by errno when the tree cannot be opened.
Result<std::unique_ptr<CgroupManager>> make_manager(const CgroupRoots& roots);

}  // namespace skerry::os::cgroup_v2
