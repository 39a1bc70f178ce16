// The two readers an archive goes through: what is compressed becomes a byte stream, which is
// hashed, and the stream becomes tar entries. libarchive does both; nothing else here knows it but
// unpack_archive.cpp.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/result.h"
#include "unpack/budget.h"
#include "unpack/byte_source.h"
#include "unpack/sha256.h"

struct archive;
struct archive_entry;

namespace skerry::unpack {

struct ArchiveCloser {
  void operator()(archive* handle) const;
};
using ArchiveHandle = std::unique_ptr<archive, ArchiveCloser>;

/// A piece of a file's content, valid until the next call. Between pieces are holes.
struct ContentBlock {
  std::span<const std::byte> bytes;
  std::int64_t offset = 0;
};

/// Borrows the source (a file, pipe or memfd, read from where it stands) and the budget.
/// Formats: ustar, pax, GNU tar with sparse files; none, gzip, zstd, xz or bzip2 around it, once.
/// Blocks: until the source has bytes. Thread: one.
/// Errors of all: INVALID_ARGUMENT, reason ARCHIVE_CORRUPT or ARCHIVE_FORMAT_UNKNOWN; the budget's;
/// by errno for a read that failed.
class TarStream final {
 public:
  TarStream(int source, Budget& budget) : source_(source), budget_(budget) {}
  TarStream(const TarStream&) = delete;
  TarStream& operator=(const TarStream&) = delete;

  Result<> open();
  /// The next entry, borrowed until the next call; null at the end.
  Result<archive_entry*> next_entry();
  /// The next piece of the current entry's content; absent at its end.
  Result<std::optional<ContentBlock>> next_block();
  /// Reads what follows the last entry, so that the whole stream is hashed.
  Result<Digest> finish();

 private:
  static ssize_t read_source(archive* handle, void* self, const void** buffer);
  static ssize_t read_stream(archive* handle, void* self, const void** buffer);
  /// The next piece of the uncompressed stream, hashed; empty at its end.
  Result<std::span<const std::byte>> pull();
  Result<> open_decompressor();
  Error failure_of(archive* handle);

  ByteSource source_;
  Budget& budget_;
  Sha256 hash_;
  std::uint64_t uncompressed_ = 0;
  bool at_end_ = false;
  /// What went wrong inside a callback, which can only say that something did.
  std::optional<Error> failure_;
  // The second reads from the first, so it goes first.
  ArchiveHandle decompressor_;
  ArchiveHandle tar_;
};

}  // namespace skerry::unpack
