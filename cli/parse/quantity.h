// What people type for sizes, processors, durations and times.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"

namespace skerry::cli {

/// "64m", "1.5g", "512KiB", "1048576": a number and b, k, m, g or t with an optional "b" or "ib",
/// in either case, in powers of 1024. Errors: INVALID_ARGUMENT, for anything else, negative numbers
/// and what does not fit 64 bits.
Result<Bytes> parse_bytes(std::string_view text);

/// "0.5", "2": processors, to a thousandth. Errors: INVALID_ARGUMENT; finer than a thousandth too.
Result<MilliCpu> parse_cpus(std::string_view text);

/// "90s", "1m30s", "1.5h", "250ms", "10" (seconds). Errors: INVALID_ARGUMENT.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// A point in time: a duration before `now` ("10m"), RFC 3339 ("2026-01-31T10:00:00Z", with a zone
/// or an offset and an optional fraction), or seconds since 1970 (a plain number above 10^8).
/// Errors: INVALID_ARGUMENT.
Result<WallTime> parse_time(std::string_view text, WallTime now);

/// A whole decimal number, nothing around it. Errors: INVALID_ARGUMENT.
Result<std::uint64_t> parse_count(std::string_view text);

/// "unlimited" and "-1", Docker's word for it, are no limit.
bool means_unlimited(std::string_view text);

}  // namespace skerry::cli
