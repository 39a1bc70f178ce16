// Isolator "namespaces": mount, pid, ipc, uts and cgroup namespaces always; net, with its loopback
// interface up, unless the network is the host's. And the hostname in the new uts namespace. Not
// those that the container's pod shares, which isolators/pod joins.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "isolators/isolator.h"

namespace skerry::isolators {

std::unique_ptr<Isolator> make_namespaces_isolator();

/// CLONE_NEW* that the container's process is cloned into; the cgroup namespace comes later.
std::uint64_t namespaces_of(const ContainerConfig& config);

/// The configured hostname; on the host's network the host's; else the first 12 digits of the uid,
/// as Docker's users expect. Blocks: never.
std::string hostname_of(const ContainerConfig& config);

}  // namespace skerry::isolators
