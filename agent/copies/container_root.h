// The file system of a container as copies see it: of one that has processes, with everything that
// is mounted there; of one that has exited, its layers put together again, without the mounts.
#pragma once

#include <memory>
#include <string>

#include "agent/containers/container.h"
#include "agent/containers/host.h"
#include "isolators/container_config.h"
#include "os/foreign_path.h"
#include "os/pidfd.h"
#include "skerry/v1/container_service.pb.h"

namespace skerry::agent {

/// What a worker needs of a container to get at its root.
struct RootSubject {
  Uid uid;
  os::ProcessRef process;           ///< no pidfd: it has exited
  isolators::RootFilesystem files;  ///< of one that has exited
};

/// Errors: FAILED_PRECONDITION, reason STATE, while it is launched or removed. Thread: reactor.
Result<RootSubject> root_subject(const Container& container);

enum class RootAccess : std::uint8_t { kRead, kWrite };

struct ContainerRoot {
  /// A pidfd, or a detached mount (which is never in the host's mount table).
  UniqueFd handle;
  bool is_process = false;
  /// The root directory, for looking at it from here.
  UniqueFd directory;
};

/// Errors: PERMISSION_DENIED, reason BIND_REFUSED, for a directory of the host that a link has led
/// elsewhere meanwhile. Blocks: kernel; up to 10 s for layers the operator named. Thread: worker.
Result<ContainerRoot> open_container_root(const RootSubject& subject,
                                          RootAccess access,
                                          const Host& host,
                                          os::ForeignPaths& foreign);

/// What is at `path` inside `root`, resolved as a process of that root would; a link at its end is
/// followed only if the path ends in "/". Errors: INVALID_ARGUMENT for a path that is not absolute;
/// NOT_FOUND, reason PATH_NOT_FOUND. Blocks: kernel. Thread: worker.
Result<skerry::v1::PathInfo> look_at_path(int root, const std::string& path);

}  // namespace skerry::agent
