// Handing a plan to the launcher, and following its shim until the process stands where it is meant
// to: at its barrier, or running. The same for containers and execs.
#pragma once

#include <chrono>
#include <vector>

#include "agent/containers/launcher_client.h"
#include "agent/operations/step.h"
#include "agent/runtime/cancel_token.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "isolators/plan_builder.h"
#include "os/pidfd.h"

namespace skerry::agent {

/// Values in, values out; one worker at a time.
struct ShimStart {
  // In.
  isolators::BuiltPlan built;
  /// Our end of the pair whose other end is `built.plan.shim.control`.
  UniqueFd control;
  /// Whether the plan holds the process at its barrier.
  bool hold = false;
  std::chrono::milliseconds deadline{60'000};

  // Out.
  UniqueFd shim_pidfd;
  pid_t shim_pid = -1;
  os::ProcessRef process;
  /// Exec was seen (always when hold is false).
  bool running = false;
  std::uint64_t running_ns = 0;
  /// How long each part took; one that was not reached has none.
  std::vector<operations::Timing> parts;
};

/// Undoes nothing: after an error there may be a shim (`shim_pidfd`), and a process.
/// Errors: launch_failure's; those of LauncherClient::launch; the cancel's reason.
/// Blocks: up to the deadline. Thread: worker.
Result<> start_shim(ShimStart& start, LauncherClient& launcher, runtime::CancelToken& cancel);

/// The second half of start_shim(): reads what the shim says until the process stands where it is
/// meant to, or has failed. Errors, blocks, thread: as start_shim().
Result<> await_process(ShimStart& start, runtime::CancelToken& cancel, SteadyTime deadline);

}  // namespace skerry::agent
