// Copying between a container's file system and a tar stream (protocol.h, "--copy").
#pragma once

#include "base/result.h"
#include "unpack/options.h"
#include "unpack/unpack_archive.h"

namespace skerry::unpack {

/// Enters the container and copies. For a process of one thread, as root. Blocks: until done.
Result<Unpacked> copy(const CopyOptions& options);

}  // namespace skerry::unpack
