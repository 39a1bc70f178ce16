// From a path on the host to a detached mount of what is there. The path may come from a plugin and
// may hang.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "os/foreign_path.h"
#include "os/mount.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

/// Whether a plugin's mountpoint may be given to containers: absolute, at most 4095 bytes, without
/// NUL and "..", neither the host's root nor /proc, /sys or /dev or anything in them.
/// Errors: INTERNAL, reason MOUNTPOINT_INVALID. Blocks: never.
Result<> check_mountpoint(std::string_view mountpoint);

/// How long a path may take to open: what the limits leave, at most ten seconds. Blocks: never.
std::chrono::milliseconds path_patience(const CallLimits& limits);

/// Opens the path, and where symbolic links led must pass check_mountpoint too. The file system
/// must answer. Errors: as check_mountpoint; NOT_FOUND, reason MOUNTPOINT_NOT_FOUND; UNAVAILABLE,
/// reason VOLUME_DISCONNECTED, retryable (ENOTCONN: FUSE without its server; ESTALE: NFS);
/// DEADLINE_EXCEEDED, reason PATH_HANGS. Blocks: up to the deadline.
Result<os::ForeignPath> open_mountpoint(os::ForeignPaths& paths,
                                        const std::string& mountpoint,
                                        const CallLimits& limits);

/// The path an open descriptor has now, as readlink(2) of /proc/self/fd says.
Result<std::string> real_path(int fd);

/// True when `path` is `prefix` or below it, by whole components. Neither ends in "/" but the root.
bool is_within(std::string_view path, std::string_view prefix);

/// A detached mount of an opened path. Blocks: kernel.
Result<UniqueFd> clone_for(const PublishRequest& request, int fd, os::MountFlags flags);

}  // namespace skerry::volumes
