// What a volume driver's failure means, to us and to clients: pure.
#pragma once

#include "base/error.h"

namespace skerry::agent {

/// The call may have done what it was asked to, or may be doing it now.
bool is_uncertain(const Error& error);

/// As VolumeService documents it: NOT_FOUND, reason DRIVER_NOT_FOUND; INVALID_ARGUMENT;
/// DEADLINE_EXCEEDED, reason DRIVER_TIMEOUT; UNAVAILABLE, reason DRIVER_FAILED, for whatever else
/// went wrong with the driver. Errors of ours stay as they are.
Error to_client_error(Error error);

}  // namespace skerry::agent
