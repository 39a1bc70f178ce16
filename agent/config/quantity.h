// Quantities as people write them in the configuration.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace skerry::config {

/// "4096", "64KiB", "10MiB", "2GiB", "1TiB"; whole numbers, units of 1024.
/// Errors: INVALID_ARGUMENT, also when it does not fit 63 bits.
Result<Bytes> parse_bytes(std::string_view text);
/// The shortest text that parse_bytes() reads as the same.
std::string format_bytes(Bytes bytes);

/// "30s", "15m", "12h", "7d"; whole numbers. Errors: as parse_bytes().
Result<std::chrono::seconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::seconds duration);

}  // namespace skerry::config
