#include "images/content_id.h"

#include <fmt/format.h>

namespace skerry::images {

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

ContentId ContentId::of_digest(std::span<const std::uint8_t, 32> digest) {
  ContentId out;
  for (const std::uint8_t byte : digest) out.hex_ += fmt::format("{:02x}", byte);
  return out;
}

Result<ContentId> ContentId::parse(std::string_view text) {
  std::string_view hex = text;
  if (hex.starts_with("sha256:")) hex.remove_prefix(7);
  if (hex.size() != 64 || !is_hex(hex)) {
    return Error(Code::kInvalidArgument,
                 "an image's content id is 64 lower-case hex digits, with or without \"sha256:\"")
        .with_reason("IMAGE_ID_INVALID");
  }
  ContentId out;
  out.hex_ = hex;
  return out;
}

}  // namespace skerry::images
