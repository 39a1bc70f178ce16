// The bytes of an archive as they come from outside, with gzip taken off.
//
// gzip is decoded here with zlib, because libarchive (3.6) does not look at the checksum in a gzip
// trailer: a flipped bit would become a flipped bit in somebody's program. The checks of xz, bzip2
// and zstd it does verify.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"

struct z_stream_s;

namespace skerry::unpack {

/// Borrows the descriptor (a file, pipe or memfd, read from where it stands). Thread: one.
class ByteSource final {
 public:
  explicit ByteSource(int fd);
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ~ByteSource();

  /// The next bytes, valid until the next call; empty at the end. Several gzip members in a row are
  /// one stream, zeros after the last are padding. Blocks: until the source has bytes.
  /// Errors: INVALID_ARGUMENT, reason ARCHIVE_CORRUPT; by errno for a read that failed.
  Result<std::span<const std::byte>> next();

  /// Bytes read from the descriptor so far.
  std::uint64_t consumed() const { return consumed_; }
  bool is_gzip() const { return inflate_ != nullptr; }

 private:
  struct InflateEnd {
    void operator()(z_stream_s* stream) const;
  };

  /// At least one byte more in `input_`, or none at the end.
  Result<> fill();
  Result<> begin();
  Result<std::span<const std::byte>> next_inflated();
  /// Between two members: true when another begins.
  Result<bool> next_member();

  int fd_;
  std::uint64_t consumed_ = 0;
  bool begun_ = false;
  bool in_member_ = true;
  std::vector<std::byte> buffer_;
  std::span<std::byte> input_;
  std::vector<std::byte> output_;
  std::unique_ptr<z_stream_s, InflateEnd> inflate_;
};

}  // namespace skerry::unpack
