// Interpreter: runs the operations of a plan in the calling process.
//
// In Skerry that is the container's first process, between clone3() and exec. It is a library, so
// that a program without launcher and shim can do the same to itself.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "launcher/fd_table.h"
#include "launcher/operations.h"
#include "plan/plan.h"

namespace skerry::launcher {

struct OperationFailure {
  std::size_t operation = 0;  ///< Index into the operations.
  int sys_errno = 0;
};

/// Runs operations from first to last and stops at the first that fails; nothing is undone, as the
/// process and its namespaces end with it. Operations of one plan may be run in several calls, with
/// the same state. Blocks: kernel. Thread: a process with one thread.
std::optional<OperationFailure> interpret(std::span<const plan::Operation> operations,
                                          OperationState& state);

/// Whether an operation changes the mount namespace: such a plan must bring or join one, or it
/// would change that of whoever interprets it.
bool needs_mount_namespace(const plan::Operation& operation);

}  // namespace skerry::launcher
