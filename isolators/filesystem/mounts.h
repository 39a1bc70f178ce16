// The mounts of the spec: checked as text, opened on the host, attached by the child.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "isolators/container_config.h"
#include "os/foreign_path.h"
#include "plan/plan.h"

namespace skerry::isolators {

/// Errors: INVALID_ARGUMENT naming the mount: MOUNT_TARGET_REFUSED for what is Skerry's own ("/",
/// /proc and below but for a few files that tools replace, /sys, /dev themselves), MOUNT_DUPLICATE,
/// MOUNT_INVALID for a bad size or mode, PATH_INVALID for paths that are relative or hold "..".
Result<> check_mounts(const std::vector<Mount>& mounts);

/// Whether what was opened, as `what` with the path `named`, lies in truth at or below one of the
/// real paths: what was opened is what is mounted, so a link swapped since the spec was checked
/// changes nothing. Errors: PERMISSION_DENIED, reason BIND_REFUSED.
Result<> check_source(const std::vector<std::string>& allowed,
                      std::string_view what,
                      const std::string& named,
                      int fd);

struct OpenedMount {
  UniqueFd fd;               ///< detached
  std::size_t position = 0;  ///< among all mounts of the spec
  std::string target;
  plan::TargetKind create = plan::TargetKind::kDirectory;
};

struct MountRequest {
  const ContainerConfig& config;
  Bytes host_memory;
  /// The container's root, to see where the image's own links take a target.
  int root;
  os::ForeignPaths& foreign;
  std::chrono::milliseconds deadline;
  /// Real paths at and below which a bind's source may be.
  const std::vector<std::string>& bind_sources;
};

/// Binds and tmpfs, in the order of the spec; volumes are somebody else's. Errors: NOT_FOUND,
/// reason MOUNT_SOURCE_NOT_FOUND; PERMISSION_DENIED, reason BIND_REFUSED, for a source that a link
/// leads to where the configuration allows none; those of ForeignPaths; FAILED_PRECONDITION, reason
/// MOUNT_TARGET_REFUSED, for a target that a link of the image leads to a refused place. Blocks:
/// kernel, and each source up to the deadline.
Result<std::vector<OpenedMount>> open_mounts(const MountRequest& request);

}  // namespace skerry::isolators
