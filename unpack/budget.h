// How much one archive may cost, and the account of what it has cost so far.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/units.h"

namespace skerry::unpack {

struct Limits {
  Bytes max_bytes{64ULL * 1024 * 1024 * 1024};
  std::uint64_t max_entries = 2'000'000;
  /// Uncompressed over compressed bytes. zlib cannot do more than 1,032; a tree of zeros in zstd or
  /// xz can do 10,000 and more.
  std::uint64_t max_ratio = 2'000;
};

/// Charged before the work is done, so that a refusal has cost nothing. Thread: one.
/// Errors: RESOURCE_EXHAUSTED, reasons ARCHIVE_TOO_LARGE, ARCHIVE_TOO_MANY_ENTRIES,
/// ARCHIVE_RATIO.
class Budget final {
 public:
  explicit Budget(const Limits& limits) : limits_(limits) {}

  /// One entry of the archive.
  Result<> charge_entry();
  /// Up to `count` directories that no entry names but an entry's path needs.
  Result<> charge_implied(std::uint64_t count);
  /// Content of regular files. Units: bytes; holes count, as they would for whoever copies the
  /// file.
  Result<> charge_content(std::uint64_t bytes);
  /// Names kept in memory until the end.
  Result<> charge_kept_names(std::uint64_t bytes);
  /// The stream so far: what came out of the decompressor, and what went in.
  Result<> check_stream(std::uint64_t uncompressed, std::uint64_t compressed) const;

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t entries() const { return entries_; }

 private:
  Result<> check_entries() const;

  Limits limits_;
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t implied_ = 0;
  std::uint64_t kept_names_ = 0;
};

}  // namespace skerry::unpack
