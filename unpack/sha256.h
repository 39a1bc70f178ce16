// SHA-256 of a stream.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "unpack/protocol.h"

struct evp_md_ctx_st;

namespace skerry::unpack {

/// Thread: one.
class Sha256 final {
 public:
  /// The library loads its parts here, not later behind the system call filter.
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  /// Eight bytes, little-endian: for formats that mix numbers with text.
  void update_number(std::uint64_t value);
  /// Length, then bytes, so that no two sequences of fields hash the same.
  void update_field(std::string_view text);
  /// Ends the stream; nothing may follow.
  Digest finish();

 private:
  evp_md_ctx_st* context_;
};

}  // namespace skerry::unpack
