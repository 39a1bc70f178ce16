// The shim's part of a standby process: from its Hello to the plan that it was waiting for.
#pragma once

#include <optional>

#include "launcher/container_process.h"
#include "launcher/control_link.h"
#include "launcher/fd_table.h"
#include "plan/plan.h"

namespace skerry::launcher {

struct FilledPlan {
  plan::LaunchPlan plan;
  FdTable fds;
};

/// Waits for Fill, hands the plan on to the child and gives `child` its pipes. Absent when there is
/// nothing to go on with: the daemon hung up or said something else, the child died, or the plan
/// does not fit the process, of which the daemon has been told then. Blocks: until one of these.
std::optional<FilledPlan> await_fill(const plan::LaunchPlan& standby,
                                     ControlLink& control,
                                     ContainerProcess& child);

}  // namespace skerry::launcher
