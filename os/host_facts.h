// What this host can do: probed once at start, then a value that is passed around. Nothing here
// compares kernel versions; each fact was tried.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "os/cgroup/cgroup.h"
#include "os/mount.h"

namespace skerry::os {

struct HostFacts {
  std::string kernel_release;  ///< For people only.
  std::string hostname;
  std::string boot_id;     ///< 36 characters, of /proc/sys/kernel/random/boot_id.
  std::uint32_t cpus = 0;  ///< Online processors.
  Bytes memory_total;
  Bytes swap_total;

  bool has_cgroups = false;
  CgroupMode cgroup_mode = CgroupMode::kV2;
  std::vector<std::string> cgroup_controllers;
  bool swap_accounting = false;
  bool cgroup_namespaces = false;

  bool openat2 = false;
  bool clone3 = false;
  bool move_mount = false;
  bool mount_setattr = false;
  bool lowerdir_plus = false;
  bool seccomp_filter = false;

  OverlayArm overlay_arm() const {
    return lowerdir_plus ? OverlayArm::kLayerByLayer : OverlayArm::kOneString;
  }
};

/// Asks the kernel. What cannot be found out is false or empty, never an error. Blocks: kernel, a
/// few milliseconds. Leaves nothing behind. Thread: any.
HostFacts probe_host();

}  // namespace skerry::os
