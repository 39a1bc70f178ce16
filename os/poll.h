// Waiting for a descriptor, with a deadline.
#pragma once

#include "base/clock.h"
#include "base/result.h"

namespace skerry::os {

/// Whether there is something to read, or the other side has hung up, before `deadline`; at least
/// one look is taken. Errors: by errno. Blocks: up to the deadline. Thread: any.
Result<bool> wait_readable(int fd, SteadyTime deadline);

}  // namespace skerry::os
