#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "options.h"

namespace skerry::bench {

/// Launches `running` containers that sleep, by `workers` clients; each is waited for until it
/// runs. They stay.
Result<nlohmann::json> start_sleepers(const Options& options);

/// Removes, by force, every container that bears the label: sleepers, and exited ones that were
/// kept. Goes on after an error, so that as few as possible are left; gives the first one.
Result<nlohmann::json> remove_labelled(const Options& options);

}  // namespace skerry::bench
