#include "cli/terminal/detach_keys.h"

#include <fmt/format.h>

#include "cli/parse/words.h"

namespace skerry::cli {
namespace {

/// A letter and ctrl send the letter without its upper bits.
constexpr unsigned kControlMask = 0x1fU;

bool has_control(char c) {
  return (c >= 'a' && c <= 'z') || std::string_view("@[\\]^_").find(c) != std::string_view::npos;
}

}  // namespace

Result<std::string> parse_detach_keys(std::string_view text) {
  constexpr std::string_view kControl = "ctrl-";
  std::string keys;
  for (const std::string& key : split(text, ',')) {
    if (key.size() == 1) {
      keys += key;
    } else if (key.size() == kControl.size() + 1 && key.starts_with(kControl) &&
               has_control(key.back())) {
      keys += static_cast<char>(static_cast<unsigned char>(key.back()) & kControlMask);
    } else {
      return Error(Code::kInvalidArgument,
                   fmt::format("--detach-keys \"{}\": \"{}\" is not one character or ctrl- and one "
                               "of a-z @ [ \\ ] ^ _",
                               text,
                               key));
    }
  }
  return keys;
}

DetachKeys::Seen DetachKeys::feed(std::string_view typed) {
  Seen seen;
  for (const char c : typed) {
    if (keys_.empty()) {
      seen.data += c;
      continue;
    }
    // Back to the longest beginning of the keys that what was typed ends in.
    while (matched_ > 0 && keys_[matched_] != c) {
      std::size_t shorter = matched_ - 1;
      while (shorter > 0 && keys_.compare(0, shorter, keys_, matched_ - shorter, shorter) != 0) {
        --shorter;
      }
      seen.data.append(keys_, 0, matched_ - shorter);
      matched_ = shorter;
    }
    if (keys_[matched_] != c) {
      seen.data += c;
      continue;
    }
    if (++matched_ == keys_.size()) {
      seen.detached = true;
      return seen;
    }
  }
  return seen;
}

}  // namespace skerry::cli
