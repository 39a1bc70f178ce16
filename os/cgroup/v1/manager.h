// The manager of a host with v1 hierarchies, with or without a unified tree beside them.
#pragma once

#include <memory>

#include "os/cgroup/cgroup.h"

namespace skerry::os::cgroup_v1 {

/// Errors: by errno when a tree cannot be opened.
Result<std::unique_ptr<CgroupManager>> make_manager(const CgroupRoots& roots);

}  // namespace skerry::os::cgroup_v1
