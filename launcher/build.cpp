#include "launcher/build.h"

#include <optional>

namespace skerry::launcher {
namespace {

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

}  // namespace

bool parse_build(std::string_view text, Build& build) {
  if (text.size() != build.size() * 2) return false;
  for (std::size_t i = 0; i < build.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low) return false;
    build.at(i) = static_cast<std::uint8_t>(*high << 4U | *low);
  }
  return true;
}

std::string format_build(const Build& build) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : build) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

}  // namespace skerry::launcher
