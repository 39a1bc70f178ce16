#include "os/cgroup/v1/manager.h"

#include "os/cgroup/cgroup.h"
#include "os/cgroup/v2/manager.h"

namespace skerry::os {

Result<std::unique_ptr<CgroupManager>> make_cgroup_manager(const CgroupRoots& roots) {
  return roots.mode == CgroupMode::kV2 ? cgroup_v2::make_manager(roots)
                                       : cgroup_v1::make_manager(roots);
}

}  // namespace skerry::os
