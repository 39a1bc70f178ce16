// Isolator "filesystem": the container's root (overlay over its layers), the pseudo file systems,
// /dev, masked and read-only paths, and the user's mounts.
//
//   rootfs   the overlay and its directories
//   dev      the ready /dev
//   pseudo   proc, sysfs, devpts, shm, mqueue, cgroup; masks
//   mounts   bind and tmpfs mounts of the spec
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "isolators/isolator.h"

namespace skerry::isolators {

struct FilesystemOptions {
  /// Hierarchies of a v1 or hybrid host as they are mounted together ("cpu,cpuacct"); empty on v2.
  std::vector<std::string> v1_hierarchies;
  /// How long a bind mount's source may take to open.
  std::chrono::milliseconds foreign_deadline{10'000};
  /// Real paths of the host at and below which a bind mount's source may be, by whole components.
  std::vector<std::string> bind_sources = {"/"};
};

/// Errors of validate: INVALID_ARGUMENT, reasons ROOT_INVALID, PATH_INVALID, MOUNT_INVALID,
/// MOUNT_TARGET_REFUSED, MOUNT_DUPLICATE. Of prepare: NOT_FOUND, reason MOUNT_SOURCE_NOT_FOUND;
/// PERMISSION_DENIED, reason BIND_REFUSED, for a source whose links lead out of bind_sources;
/// DEADLINE_EXCEEDED, reason PATH_HANGS; FAILED_PRECONDITION, reasons ROOT_INVALID and
/// MOUNT_TARGET_REFUSED, for what only the root's own links reveal.
std::unique_ptr<Isolator> make_filesystem_isolator(FilesystemOptions options);

}  // namespace skerry::isolators
