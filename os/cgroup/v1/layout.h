// Which v1 hierarchies this host has, opened at their roots, and the unified tree beside them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "os/cgroup/cgroup.h"

namespace skerry::os::cgroup_v1 {

struct Hierarchy {
  std::string controllers;  ///< "cpu,cpuacct", "name=systemd"
  UniqueFd root;
};

/// Outlives the groups made with it. Indices are into `hierarchies`, -1 where there is none.
struct Layout {
  std::vector<Hierarchy> hierarchies;
  UniqueFd unified;
  int cpu = -1;
  int cpuacct = -1;
  int cpuset = -1;
  int memory = -1;
  int pids = -1;
  int devices = -1;
  int freezer = -1;
  bool swap_accounting = false;
};

/// Errors: by errno when a tree cannot be opened.
Result<Layout> open_layout(const CgroupRoots& roots);

}  // namespace skerry::os::cgroup_v1
