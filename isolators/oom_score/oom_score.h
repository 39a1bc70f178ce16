// Isolator "oom_score": the container's place in line when the host runs out of memory.
#pragma once

#include <memory>

#include "isolators/isolator.h"

namespace skerry::isolators {

/// Errors of validate: INVALID_ARGUMENT, reason OOM_SCORE_OUT_OF_RANGE.
std::unique_ptr<Isolator> make_oom_score_isolator();

}  // namespace skerry::isolators
