// Waiting within a call's limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

enum class Wake : std::uint8_t { kReadable, kDeadline, kCancelled };

/// Waits until `fd` polls readable; -1 waits for the others only. A cancel wins over all.
/// Blocks: up to the deadline.
Result<Wake> wait_readable(int fd, const CallLimits& limits);

/// Sleeps for `time`, less when the limits say so. kReadable: slept through.
Result<Wake> pause(std::chrono::milliseconds time, const CallLimits& limits);

/// CANCELLED, reason CALL_CANCELLED.
Error cancelled(std::string_view what);

}  // namespace skerry::volumes
