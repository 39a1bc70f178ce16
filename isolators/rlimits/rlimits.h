// Isolator "rlimits": resource limits of the container's process (setrlimit(2)).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "isolators/isolator.h"

namespace skerry::isolators {

/// The RLIMIT_* number of a lower-case name such as "nofile" (as in ulimit(1), limits.conf(5));
/// "RLIMIT_NOFILE" is understood too. Absent for any other.
std::optional<std::int32_t> rlimit_number(std::string_view name);
/// "nofile"; absent for a number that is none.
std::optional<std::string_view> rlimit_name(std::int32_t resource);

/// `max_open_files` is the host's fs.nr_open: nobody can be given more.
/// Errors of validate: INVALID_ARGUMENT, reasons RLIMIT_UNKNOWN, RLIMIT_DUPLICATE,
/// RLIMIT_HARD_BELOW_SOFT, RLIMIT_ABOVE_HOST.
std::unique_ptr<Isolator> make_rlimits_isolator(std::uint64_t max_open_files);

/// fs.nr_open of this host.
Result<std::uint64_t> read_max_open_files();

}  // namespace skerry::isolators
