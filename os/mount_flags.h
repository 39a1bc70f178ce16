// How MountFlags are told to the kernel; shared by the files that make mounts.
#pragma once

#include <cstdint>

#include "os/mount.h"

namespace skerry::os {

/// MOUNT_ATTR_ bits for fsmount(2) and mount_setattr(2).
std::uint64_t attribute_bits(const MountFlags& flags);

/// What to give the kernel for `path`: an absolute path, or one through /proc/self/fd.
std::string kernel_path(const HostPath& path);

}  // namespace skerry::os
