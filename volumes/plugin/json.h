// JSON from plugins: bounded in depth, lenient about what is missing, and safe to show.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skerry::volumes {

/// The longest text a plugin's words may have in a message of ours.
constexpr std::size_t kMaxShownText = 1024;

/// Text from outside on one line: control characters become blanks, bytes that are not UTF-8 "?",
/// and what is too long ends in "…".
std::string printable(std::string_view text);

/// A string member of the object `text`; key in any case, as Go plugins' peers read it.
/// Errors: INVALID_ARGUMENT, reason PLUGIN_SPEC_INVALID.
Result<std::string> string_in_json(std::string_view text, const std::string& key);

}  // namespace skerry::volumes
