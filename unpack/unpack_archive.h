// A whole archive, made into a tree.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

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

/// Where in a tree that is somebody else's an archive goes.
struct CopyTarget {
  /// Of a directory that is there, relative to the root and without links; empty: the root.
  std::string path;
  /// Everything gets this owner.
  std::optional<std::pair<uid_t, gid_t>> owner;
};

/// As unpack_archive, below a directory of `root`. Links on the way are followed as a process of
/// that root would. What is there keeps its kind (Existing::kKeepsKinds), and the directory itself
/// its owner, mode and time, whatever the archive says of ".".
Result<Unpacked> unpack_into(int source, int root, const CopyTarget& target, const Limits& limits);

/// Gives ENOSPC and EDQUOT the reason DISK_FULL.
Error explain_full_disk(Error error);

}  // namespace skerry::unpack
