// The directories that bear a container's uid, and what the shim writes to and listens on in them.
// They are made where the paths are ours and handed over open.
#pragma once

#include "agent/containers/host.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::agent {

/// What every shim gets, be it of a container, an exec or a pod.
struct ShimFiles {
  UniqueFd exit_record;  ///< "exit", empty
  UniqueFd listener;     ///< "shim.sock"
};

/// `exit_dir` (of the exit record) and `run_dir` (of the socket) are borrowed. What is there
/// already is used. Errors: by errno. Blocks: disk. Thread: worker. Idempotent.
Result<ShimFiles> make_shim_files(int exit_dir, int run_dir, std::uint32_t attempt = 1);

/// The exit record is in ROOT/containers/<uid>, the socket in RUN/containers/<uid>.
struct ContainerFiles : ShimFiles {
  UniqueFd log;  ///< ROOT/containers/<uid>/log
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
