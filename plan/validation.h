// What the kernel would refuse of a program's arguments, found before anything is made.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "plan/plan.h"

namespace skerry::plan {

/// MAX_ARG_STRLEN of the kernel: one string, its NUL included.
constexpr std::size_t kMaxArgumentBytes = 128UL * 1024;
/// All strings with their NULs and pointers. The kernel's limit is a quarter of the stack limit,
/// 2 MiB where that is 8 MiB, less what it puts there itself.
constexpr std::size_t kMaxExecBytes = 2UL * 1024 * 1024 - kMaxArgumentBytes;

/// Errors, all INVALID_ARGUMENT: ARGUMENT_TOO_LONG (which argument or variable), ARGUMENTS_TOO_LONG
/// (the sum), ARGUMENT_INVALID (no program, a NUL inside, a variable without "=" or a name).
/// Thread: any. Kernel: execve(2), "Limits on size of arguments and environment".
Result<> validate_exec(const Exec& exec);

}  // namespace skerry::plan
