#include "os/cgroup/v1/layout.h"

#include <unistd.h>

#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os::cgroup_v1 {
namespace {

void note_controller(Layout& layout, std::string_view name, int index) {
  if (name == "cpu") layout.cpu = index;
  if (name == "cpuacct") layout.cpuacct = index;
  if (name == "cpuset") layout.cpuset = index;
  if (name == "memory") layout.memory = index;
  if (name == "pids") layout.pids = index;
  if (name == "devices") layout.devices = index;
  if (name == "freezer") layout.freezer = index;
}

}  // namespace

Result<Layout> open_layout(const CgroupRoots& roots) {
  Layout layout;
  for (const auto& [controllers, mount_point] : roots.hierarchies) {
    TRY_ASSIGN(auto root, open_dir(mount_point));
    const auto index = static_cast<int>(layout.hierarchies.size());
    for (const auto name : split(controllers, ',')) note_controller(layout, name, index);
    layout.hierarchies.push_back({.controllers = controllers, .root = std::move(root)});
  }
  if (!roots.unified.empty()) {
    TRY_ASSIGN(layout.unified, open_dir(roots.unified));
  }
  if (layout.memory >= 0) {
    const auto& root = layout.hierarchies[static_cast<std::size_t>(layout.memory)].root;
    layout.swap_accounting = ::faccessat(root.get(), "memory.memsw.limit_in_bytes", F_OK, 0) == 0;
  }
  return layout;
}

}  // namespace skerry::os::cgroup_v1
