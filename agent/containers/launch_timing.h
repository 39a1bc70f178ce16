// Where the time of a launch went, put together from what saw it go: the call, the interpreter, the
// shim's start.
#pragma once

#include <optional>
#include <span>

#include "agent/operations/step.h"
#include "base/clock.h"
#include "skerry/v1/container.pb.h"

namespace skerry::agent {

/// The times of a launch that its operation does not know.
struct LaunchClock {
  std::optional<SteadyTime> received{};  ///< by gRPC; absent: begun by Start
  SteadyTime taken_on;                   ///< by the reactor
};

/// `shim_parts`: those of the step launch.shim (ShimStart::parts). `now`: when the reactor took up
/// the outcome. An operation that no worker took has neither queue nor report.
/// Thread: any; values.
skerry::v1::LaunchTiming launch_timing(const LaunchClock& clock,
                                       const operations::Outcome& outcome,
                                       std::span<const operations::Timing> shim_parts,
                                       SteadyTime now);

}  // namespace skerry::agent
