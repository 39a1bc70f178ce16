// Where the time of a launch went, as a table.
#pragma once

#include <string>

#include "skerry/v1/container.pb.h"

namespace skerry::cli {

/// A line for each phase, its parts indented below it, and the total; microseconds and percent of
/// the total.
std::string timing_table(const v1::LaunchTiming& timing);

}  // namespace skerry::cli
