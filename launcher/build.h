// Which build of the program this is, so that skerryd knows when to replace it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace skerry::launcher {

/// First bytes of the SHA-256 of the running program.
using Build = std::array<std::uint8_t, 16>;

/// 32 hex digits in lower case. False when the text is not that.
bool parse_build(std::string_view text, Build& build);
std::string format_build(const Build& build);

}  // namespace skerry::launcher
