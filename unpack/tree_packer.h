// A file or directory tree, written as a tar archive.
#pragma once

#include <string>

#include "base/result.h"
#include "unpack/budget.h"
#include "unpack/unpack_archive.h"

namespace skerry::unpack {

/// Writes what is at `path` inside `root` to `out` (pax, not compressed). The entries begin with
/// the last component of the path, "." where it ends in "/." and for the root. A link at its end is
/// followed only if the path ends in "/" or "/.". Further names of a file are hard links; sockets,
/// and the contents of the kernel's own file systems (proc, sysfs, cgroup …), are left out. What
/// changes meanwhile is taken as it comes: a file that shrinks ends in zeros, one that is gone is
/// left out.
/// Errors: NOT_FOUND, reason PATH_NOT_FOUND; INVALID_ARGUMENT, reason SOURCE_TOO_DEEP, beyond 512
/// levels; RESOURCE_EXHAUSTED as unpack_archive; ABORTED when nobody reads `out` any more.
/// Blocks: until `out` took it all. Thread: one.
Result<Unpacked> pack_tree(int root, const std::string& path, int out, const Limits& limits);

}  // namespace skerry::unpack
