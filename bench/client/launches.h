#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "options.h"

namespace skerry::bench {

/// Launches a container that ends at once, again and again, by `workers` clients side by side.
/// Samples in the floor program's form. Blocks: until the rounds are done.
Result<nlohmann::json> launch_in_rounds(const Options& options);

}  // namespace skerry::bench
