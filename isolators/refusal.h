// How a bad value is refused, the same everywhere: field, given value, what is allowed, reason
// code.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "isolators/isolator.h"

namespace skerry::isolators {

/// INVALID_ARGUMENT: `resources.limits.cpu is 5 mCPU, allowed is 10 to 2000 mCPU`; its object is
/// the field. Long given values are cut. `reason` is a stable word in capitals.
Error refuse(std::string_view field,
             std::string_view given,
             std::string_view allowed,
             std::string_view reason);

/// FAILED_PRECONDITION: this host cannot do what was asked.
Error unsupported(std::string_view what, std::string_view why, std::string_view reason);

/// Errors: INVALID_ARGUMENT, reason PATH_INVALID, for a path that is not absolute, holds a NUL byte
/// or is longer than the kernel's PATH_MAX.
Result<> check_absolute_path(std::string_view field, std::string_view path);

/// The checkpoint of an isolator that has nothing to remember.
Checkpoint nothing_to_remember(std::string_view isolator);

}  // namespace skerry::isolators
