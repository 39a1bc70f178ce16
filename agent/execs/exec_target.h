// An exec as what a client is attached to.
#pragma once

#include <memory>

#include "agent/attach/target.h"
#include "agent/execs/manager.h"

namespace skerry::agent {

/// Connects to an exec; `on_ready` as in ExecManager::attach. Errors: NOT_FOUND; ABORTED, reason
/// BUSY. Thread: reactor; `execs` outlives the target.
Result<std::unique_ptr<AttachTarget>> attach_to_exec(ExecManager& execs,
                                                     const skerry::v1::ExecRef& ref,
                                                     std::function<void()> on_ready);

}  // namespace skerry::agent
