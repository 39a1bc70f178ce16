// Isolator "sysctls": kernel parameters that belong to a namespace of the container's own.
#pragma once

#include <memory>

#include "isolators/isolator.h"

namespace skerry::isolators {

/// Allowed: kernel.shm*, kernel.msg*, kernel.sem and fs.mqueue.* (ipc namespace),
/// kernel.domainname (uts), net.* unless the network is the host's. Everything else is the host's,
/// whoever writes it. Errors of validate: INVALID_ARGUMENT, reasons SYSCTL_INVALID,
/// SYSCTL_NOT_NAMESPACED.
std::unique_ptr<Isolator> make_sysctls_isolator();

}  // namespace skerry::isolators
