// The directories that bear a container's uid, and what the shim writes to and listens on in them.
// They are made where the paths are ours and handed over open.
#pragma once

#include "agent/containers/host.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::agent {

struct ContainerFiles {
  UniqueFd log;          ///< ROOT/containers/<uid>/log
  UniqueFd exit_record;  ///< ROOT/containers/<uid>/exit, empty
  UniqueFd listener;     ///< RUN/containers/<uid>/shim.sock
};

/// For the attempt of that number. What is there already is used. Errors: by errno. Blocks: disk.
/// Thread: worker. Idempotent.
Result<ContainerFiles> make_container_files(const Directories& directories,
                                            const Uid& uid,
                                            std::uint32_t attempt);

/// Removes both directories and all in them; nothing may be mounted there. Errors: by errno.
/// Blocks: disk. Thread: worker. Idempotent.
Result<> remove_container_files(const Directories& directories, const Uid& uid);

}  // namespace skerry::agent
