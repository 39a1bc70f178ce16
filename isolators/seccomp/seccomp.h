// Isolator "seccomp": the filter of system calls.
#pragma once

#include <memory>

#include "isolators/isolator.h"

namespace skerry::isolators {

/// `last_capability`: as for the capabilities isolator; the profile depends on the bounding set.
/// Errors: FAILED_PRECONDITION, reason ARCHITECTURE_UNSUPPORTED. Of validate: FAILED_PRECONDITION,
/// reason NO_SECCOMP, where the kernel has no filters and one is wanted. Of prepare and
/// prepare_exec: INVALID_ARGUMENT, reason SECCOMP_PROFILE_INVALID, for a JSON profile that cannot
/// be compiled.
Result<std::unique_ptr<Isolator>> make_seccomp_isolator(int last_capability);

}  // namespace skerry::isolators
