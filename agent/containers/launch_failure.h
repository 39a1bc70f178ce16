// What a shim's Failed packet means, in words.
#pragma once

#include "base/error.h"
#include "launcher/shim_protocol.h"
#include "plan/plan.h"

namespace skerry::agent {

/// The error of a launch that failed beyond the launcher: the operation by its name in the plan,
/// and the kernel's errno. A program that is not there is NOT_FOUND, reason COMMAND_NOT_FOUND (the
/// 127 of shells); one that cannot be run is PERMISSION_DENIED, reason COMMAND_NOT_EXECUTABLE
/// (126).
Error launch_failure(const plan::LaunchPlan& plan, const launcher::ShimPacket& packet);

}  // namespace skerry::agent
