#include "base/ids.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace skerry {
namespace {

constexpr std::size_t kMaxIdLength = 64;
constexpr std::size_t kUidDigits = 32;
constexpr std::string_view kHexDigits = "0123456789abcdef";

bool is_id_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

Error bad_id(std::string_view what, std::string_view why) {
  return Error(Code::kInvalidArgument, std::string(what) + " " + std::string(why))
      .with_reason("ID_INVALID");
}

}  // namespace

Result<> check_id(std::string_view what, std::string_view value) {
  if (value.empty()) return bad_id(what, "is empty");
  if (value.size() > kMaxIdLength) return bad_id(what, "is longer than 64 characters");
  if (value == "." || value == "..") return bad_id(what, "is \".\" or \"..\"");
  if (!std::ranges::all_of(value, is_id_char)) {
    return bad_id(what, "has a character outside of [A-Za-z0-9._-]");
  }
  return {};
}

std::string random_hex(std::size_t count) {
  std::vector<unsigned char> bytes(count);
  // Up to 256 bytes getrandom neither fails nor returns short once the pool is ready; random(7).
  if (::getrandom(bytes.data(), count, 0) != static_cast<ssize_t>(count)) std::abort();
  std::string text;
  text.reserve(count * 2);
  for (const unsigned char byte : bytes) {
    text += kHexDigits[byte >> 4U];
    text += kHexDigits[byte & 0xFU];
  }
  return text;
}

Uid Uid::make() {
  Uid uid;
  uid.text_ = random_hex(kUidDigits / 2);
  return uid;
}

Result<Uid> Uid::parse(std::string_view text) {
  if (text.size() != kUidDigits || text.find_first_not_of(kHexDigits) != std::string_view::npos) {
    return bad_id("uid", "is not 32 lower-case hex digits");
  }
  Uid uid;
  uid.text_ = text;
  return uid;
}

}  // namespace skerry
