// The name an image has by what it holds.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skerry::images {

/// SHA-256 as 64 lower-case hex digits, without "sha256:". For an archive, of its uncompressed tar
/// stream; for a directory, of a canonical walk. The name of the tree's directory.
class ContentId final {
 public:
  ContentId() = default;
  static ContentId of_digest(std::span<const std::uint8_t, 32> digest);
  /// With or without "sha256:". Errors: INVALID_ARGUMENT, reason IMAGE_ID_INVALID.
  static Result<ContentId> parse(std::string_view text);

  const std::string& hex() const { return hex_; }
  auto operator<=>(const ContentId&) const = default;

 private:
  std::string hex_;
};

/// Whether the text is hex digits only, lower case, and not empty.
bool is_hex(std::string_view text);

}  // namespace skerry::images

template <>
struct std::hash<skerry::images::ContentId> {
  std::size_t operator()(const skerry::images::ContentId& id) const noexcept {
    return std::hash<std::string>{}(id.hex());
  }
};
