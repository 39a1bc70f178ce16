// The little of networking the launcher does itself: bring the loopback interface up.
#pragma once

#include <string>

#include "base/result.h"

namespace skerry::os {

/// Sets IFF_UP on an interface of the calling thread's network namespace. Errors: NOT_FOUND.
/// Blocks: kernel. Idempotent. Kernel: netdevice(7) SIOCSIFFLAGS.
Result<> set_interface_up(const std::string& name);

}  // namespace skerry::os
