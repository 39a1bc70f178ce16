// Isolator "sysctls": kernel parameters that belong to a namespace of the container's own.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "isolators/isolator.h"

namespace skerry::isolators {

/// Allowed: kernel.shm*, kernel.msg*, kernel.sem and fs.mqueue.* (ipc namespace),
/// kernel.domainname (uts), net.* unless the network is the host's. Everything else is the host's,
/// whoever writes it. Errors of validate: INVALID_ARGUMENT, reasons SYSCTL_INVALID,
/// SYSCTL_NOT_NAMESPACED.
std::unique_ptr<Isolator> make_sysctls_isolator();

/// The path below /proc/sys. As sysctl(8): whichever of "." and "/" comes first separates, and the
/// other one then stands for it within a name ("net.ipv4.conf.eth0/7.forwarding").
std::string sysctl_path(std::string_view key);

}  // namespace skerry::isolators
