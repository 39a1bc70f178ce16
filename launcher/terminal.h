// The terminal of a container's first process, or of an exec.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "launcher/operations.h"

namespace skerry::launcher {

/// Makes `slave` descriptors 0, 1 and 2 and the controlling terminal of this session, whose leader
/// the caller is.
Result<> take_terminal(int slave);

/// Binds the slave on /dev/console of the container, if nothing is there yet: a file or link of the
/// image is never mounted on, and what is mounted is the descriptor and not a path
/// (CVE-2025-52565). Before EnterRoot.
Result<> bind_console(OperationState& state, int slave);

}  // namespace skerry::launcher
