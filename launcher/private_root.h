// The mount namespace of the launcher: private, with one empty read-only file system in it.
//
// Every container's mount namespace starts as a copy of it, so that making one costs the same on a
// host with 20 mounts and with 5,000; and what a container could see if it left its root is
// nothing.
#pragma once

#include "base/result.h"

namespace skerry::launcher {

/// Leaves the mount namespace of the caller for a fresh one with a single mount. May be called
/// again. Needs CAP_SYS_ADMIN. Blocks: kernel. Thread: a process with one thread. Kernel:
/// unshare(2), pivot_root(2).
Result<> enter_private_root();

}  // namespace skerry::launcher
