// A whole archive, made into a tree.
#pragma once

#include "base/result.h"
#include "unpack/budget.h"
#include "unpack/protocol.h"
#include "unpack/tree_writer.h"

namespace skerry::unpack {

struct Unpacked {
  Digest digest = {};
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

/// Reads the archive from `source` to its end and makes its tree in `root`, both borrowed. On error
/// the tree is as far as it got. Names are taken as UTF-8: the caller has set LC_CTYPE to C.UTF-8.
/// Errors: INVALID_ARGUMENT, reason ARCHIVE_… or ENTRY_…, with the entry as object;
/// RESOURCE_EXHAUSTED for a limit, and with reason DISK_FULL for a full disk; by errno else.
/// Blocks: until done. Thread: one.
Result<Unpacked> unpack_archive(int source, int root, const Limits& limits, Whiteouts whiteouts);

/// Gives ENOSPC and EDQUOT the reason DISK_FULL.
Error explain_full_disk(Error error);

}  // namespace skerry::unpack
