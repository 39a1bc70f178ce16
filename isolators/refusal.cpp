#include "isolators/refusal.h"

#include <limits.h>

#include <string>

#include <fmt/format.h>

namespace skerry::isolators {
namespace {

constexpr std::size_t kShownBytes = 128;

/// Printable, and short enough for a message: the value may be a megabyte of anything.
std::string shown(std::string_view given) {
  std::string text;
  for (const char c : given.substr(0, kShownBytes)) {
    const bool plain = c >= 0x20 && c != 0x7f;
    // Bytes of UTF-8 above ASCII are negative here and go through as they are.
    text += plain || static_cast<unsigned char>(c) >= 0x80 ? c : '?';
  }
  if (given.size() > kShownBytes) text += "…";
  return text;
}

}  // namespace

Error refuse(std::string_view field,
             std::string_view given,
             std::string_view allowed,
             std::string_view reason) {
  return Error(Code::kInvalidArgument,
               fmt::format("{} is {}, allowed is {}", field, shown(given), allowed))
      .with_reason(reason)
      .with_object(fmt::format("field {}", field));
}

Error unsupported(std::string_view what, std::string_view why, std::string_view reason) {
  return Error(Code::kFailedPrecondition, fmt::format("{}: {}", what, why)).with_reason(reason);
}

Result<> check_absolute_path(std::string_view field, std::string_view path) {
  if (path.empty() || path.front() != '/' || path.find('\0') != std::string_view::npos ||
      path.size() >= PATH_MAX) {
    return refuse(field,
                  fmt::format("\"{}\"", path.substr(0, kShownBytes)),
                  "an absolute path of less than 4096 bytes without NUL",
                  "PATH_INVALID");
  }
  return {};
}

Checkpoint nothing_to_remember(std::string_view isolator) {
  return {.isolator = std::string(isolator), .version = 1, .bytes = {}};
}

}  // namespace skerry::isolators
