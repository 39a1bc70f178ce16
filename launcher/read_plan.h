// The plan as it comes from the daemon: in a memfd that nobody can change any more.
#pragma once

#include "base/result.h"
#include "plan/plan.h"

namespace skerry::launcher {

/// `fd` is borrowed. Errors: as os::map_sealed_memfd and plan::decode. Blocks: never.
Result<plan::LaunchPlan> read_plan(int fd);

}  // namespace skerry::launcher
