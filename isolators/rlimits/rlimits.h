// Isolator "rlimits": resource limits of the container's process (setrlimit(2)).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "isolators/isolator.h"

namespace skerry::isolators {

/// The RLIMIT_* number of a lower-case name such as "nofile" (as in ulimit(1), limits.conf(5)).
/// Absent for any other.
std::optional<std::int32_t> rlimit_number(std::string_view name);
/// "nofile"; absent for a number that is none.
std::optional<std::string_view> rlimit_name(std::int32_t resource);

/// The most that can be given of each resource, by RLIMIT_* number.
using RlimitCeilings = std::array<std::uint64_t, 16>;

/// What this process can give: everything with CAP_SYS_RESOURCE, but for open files, which end at
/// the host's fs.nr_open; without it, its own hard limits, which its children cannot exceed.
Result<RlimitCeilings> read_rlimit_ceilings();

/// Errors of validate: INVALID_ARGUMENT, reasons RLIMIT_UNKNOWN, RLIMIT_DUPLICATE,
/// RLIMIT_HARD_BELOW_SOFT, RLIMIT_ABOVE_HOST.
std::unique_ptr<Isolator> make_rlimits_isolator(const RlimitCeilings& ceilings);

}  // namespace skerry::isolators
