// Whether a port of the host is free, found out by binding it.
#pragma once

#include <vector>

#include "base/result.h"
#include "cni/attachment.h"

namespace skerry::cni {

/// Binds every mapping's port on its address (or on all, IPv4 and IPv6, where the host has them)
/// and lets it go again. A port the kernel's tables forward without a socket is free to this test:
/// who publishes it is known to the caller. Errors: FAILED_PRECONDITION, reason PORT_TAKEN, naming
/// the port; FAILED_PRECONDITION, reason HOST_IP_UNKNOWN, for an address the host does not have;
/// INVALID_ARGUMENT, reason PORT_REPEATED, for two mappings that want one port. SCTP where the
/// kernel has none: UNIMPLEMENTED. Blocks: never. Kernel: bind(2); with SO_REUSEADDR, so that
/// connections in TIME_WAIT take no port away.
Result<> probe_host_ports(const std::vector<PortMapping>& ports);

}  // namespace skerry::cni
