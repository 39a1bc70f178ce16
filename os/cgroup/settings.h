// Arithmetic and checks of limits that v1 and v2 share.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "os/cgroup/cgroup.h"

namespace skerry::os {

constexpr std::uint64_t kCpuPeriodMicroseconds = 100'000;

/// Errors: INVALID_ARGUMENT for a weight outside 1–10000, or a limit under 10 mCPU (reason
/// LIMIT_TOO_SMALL: the kernel takes no quota under 1 ms).
Result<> check_cpu(const CpuSettings& settings);

/// Quota in a period of 100 ms; the limit is not zero.
constexpr std::uint64_t quota_microseconds(MilliCpu limit) {
  return limit.value() * (kCpuPeriodMicroseconds / 1000);
}

/// v1 shares of a v2 weight: 100 is 1024, within 2–262144.
constexpr std::uint64_t shares_of_weight(std::uint64_t weight) {
  const std::uint64_t shares = weight * 1024 / 100;
  return shares < 2 ? 2 : shares;
}

/// Errors: INVALID_ARGUMENT for a rule that is none.
Result<> check_device_rule(const DeviceRule& rule);

}  // namespace skerry::os
