// Turning an archive or directory into a tree, behind an interface: what does the work is a program
// of its own (unpack/protocol.h), which needs root.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "images/content_id.h"
#include "os/cgroup/cgroup.h"

namespace skerry::images {

enum class SourceKind : std::uint8_t {
  kArchive,    ///< tar, as it is or compressed by gzip, zstd, xz or bzip2
  kDirectory,  ///< a directory of this host; mounts in it are not entered
};

enum class TreeKind : std::uint8_t {
  kFlat,   ///< A whole root filesystem.
  kLayer,  ///< Has whiteouts, which become overlayfs' own. Archives only.
};

struct UnpackLimits {
  Bytes max_bytes{64ULL << 30U};          ///< Of all regular files together.
  std::uint64_t max_entries = 2'000'000;  ///< Files, directories, links and devices.
  std::uint64_t max_ratio = 2'000;        ///< Uncompressed over compressed, beyond 64 MiB.
  Bytes max_memory{512ULL << 20U};        ///< Address space of the program.
  std::chrono::seconds max_cpu{1800};
  std::chrono::milliseconds deadline = std::chrono::minutes(60);
};

struct UnpackJob {
  SourceKind source_kind = SourceKind::kArchive;
  TreeKind tree_kind = TreeKind::kFlat;
  int source = -1;       ///< Borrowed: a file, pipe, memfd or directory, read from where it stands.
  int destination = -1;  ///< Borrowed: an empty directory.
  UnpackLimits limits;
  /// The group the program runs in, borrowed; null stays in ours. Killing the group is how an
  /// import is cancelled.
  const os::CgroupJoin* cgroup = nullptr;
};

struct UnpackReport {
  ContentId content_id;
  Bytes size;
  std::uint64_t entries = 0;
};

/// Thread: worker, several at a time.
class Unpacker {
 public:
  Unpacker() = default;
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  virtual ~Unpacker() = default;

  /// On success the tree is complete and on disk; on error the destination holds anything.
  /// Errors: INVALID_ARGUMENT, reason ARCHIVE_… or ENTRY_… with the entry as object;
  /// RESOURCE_EXHAUSTED, reason ARCHIVE_TOO_LARGE, ARCHIVE_TOO_MANY_ENTRIES, ARCHIVE_RATIO,
  /// ARCHIVE_TOO_SLOW or DISK_FULL; DEADLINE_EXCEEDED; ABORTED, reason UNPACK_KILLED;
  /// INTERNAL, reason UNPACK_CRASHED. Blocks: up to the deadline.
  virtual Result<UnpackReport> unpack(const UnpackJob& job) = 0;
};

/// Runs skerry-unpack.
class ProcessUnpacker final : public Unpacker {
 public:
  /// Absolute path of the program.
  explicit ProcessUnpacker(std::string program) : program_(std::move(program)) {}
  Result<UnpackReport> unpack(const UnpackJob& job) override;

 private:
  std::string program_;
};

/// Reads what the program answered. It had just parsed hostile bytes, so nothing in it is believed:
/// texts come out as valid UTF-8 without control characters.
/// Errors: the one that was answered; INTERNAL, reason UNPACK_CRASHED, for what is no answer.
Result<UnpackReport> read_unpack_result(std::string_view bytes);

}  // namespace skerry::images
