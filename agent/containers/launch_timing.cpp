#include "agent/containers/launch_timing.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace skerry::agent {
namespace {

using Phase = skerry::v1::LaunchTiming::Phase;

void fill(Phase& phase, const std::string& name, std::chrono::nanoseconds took) {
  phase.set_name(name);
  phase.set_took_ns(static_cast<std::uint64_t>(std::max(took.count(), std::int64_t{0})));
}

}  // namespace

skerry::v1::LaunchTiming launch_timing(const LaunchClock& clock,
                                       const operations::Outcome& outcome,
                                       std::span<const operations::Timing> shim_parts,
                                       SteadyTime now) {
  skerry::v1::LaunchTiming timing;
  const auto add = [&timing](const std::string& name, std::chrono::nanoseconds took) {
    fill(*timing.add_phases(), name, took);
  };
  if (clock.received) add("request", clock.taken_on - *clock.received);
  const bool ran = outcome.taken != SteadyTime();
  if (ran) {
    add("journal", outcome.committed - clock.taken_on);
    add("queue", outcome.taken - outcome.committed);
  }
  for (const operations::Timing& step : outcome.timings) {
    add(step.step, step.took);
    if (step.step != "launch.shim") continue;
    Phase& phase = *timing.mutable_phases()->rbegin();
    for (const operations::Timing& part : shim_parts) {
      fill(*phase.add_parts(), part.step, part.took);
    }
  }
  if (ran) add("report", now - outcome.ended);
  const SteadyTime begin = clock.received.value_or(clock.taken_on);
  timing.set_total_ns(static_cast<std::uint64_t>((now - begin).count()));
  return timing;
}

}  // namespace skerry::agent
