#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "options.h"

namespace skerry::bench {

/// Lists all containers, view BASIC, every page, again and again: microseconds until the answer is
/// decoded, and how many there were.
Result<nlohmann::json> time_list(const Options& options);

/// The same with the statistics of all that run.
Result<nlohmann::json> time_stats(const Options& options);

/// Calls a daemon that may not be there yet until it lists `running` containers that run. Gives
/// that moment as CLOCK_MONOTONIC. Errors: DEADLINE_EXCEEDED.
Result<nlohmann::json> await_running(const Options& options);

}  // namespace skerry::bench
