#include "agent/processes/printable.h"

#include <cstddef>

namespace skerry::agent {
namespace {

constexpr std::size_t kMaxText = 4096;

// Of the character that `text` begins with (RFC 3629); 0: with none, or with a control character.
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return lead < 0x20 || lead == 0x7F ? 0 : 1;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  char32_t code = lead & (0x7FU >> length);
  for (const char c : text.substr(1, length - 1)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80) return 0;
    code = code << 6U | (byte & 0x3FU);
  }
  // Written longer than need be, half of a surrogate pair, or beyond the last one.
  const bool is_short = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool is_none = (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF;
  return is_short || is_none || code < 0xA0 ? 0 : length;
}

}  // namespace

std::string printable(std::string_view bytes, char for_zero) {
  std::string text;
  bytes = bytes.substr(0, kMaxText);
  while (bytes.ends_with('\0')) bytes.remove_suffix(1);
  while (!bytes.empty()) {
    const std::size_t length = character_length(bytes);
    if (length > 0) {
      text += bytes.substr(0, length);
    } else {
      text += bytes[0] == '\0' ? for_zero : '?';
    }
    bytes.remove_prefix(length > 0 ? length : 1);
  }
  return text;
}

}  // namespace skerry::agent
