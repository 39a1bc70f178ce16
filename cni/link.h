// Interfaces and prefixes of the calling thread's network namespace, by rtnetlink(7).
// Thread: any. Blocks: kernel.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cni/ip_prefix.h"

namespace skerry::cni {

/// A prefix this host uses, and the interface that has it (empty for routes without one).
struct HostPrefix {
  IpPrefix prefix;
  std::string interface;
};

/// The networks of all addresses and of all routes in all tables, without default routes,
/// link-local and multicast prefixes.
Result<std::vector<HostPrefix>> host_prefixes();

/// A bridge, and how many interfaces are in it.
struct BridgeState {
  std::string name;
  unsigned ports = 0;
};

/// Absent when there is no interface of that name. Errors: FAILED_PRECONDITION, reason
/// NOT_A_BRIDGE.
Result<std::optional<BridgeState>> inspect_bridge(const std::string& name);

/// Makes the bridge, with these addresses, and brings it up. One that is there is given what it
/// lacks. Errors: FAILED_PRECONDITION, reason NOT_A_BRIDGE. Idempotent.
Result<> add_bridge(const std::string& name, const std::vector<IpPrefix>& addresses);

/// Deletes the bridge. What is gone already is fine. Errors: FAILED_PRECONDITION, reasons
/// NETWORK_IN_USE while an interface is in it, NOT_A_BRIDGE. Idempotent.
Result<> remove_bridge(const std::string& name);

/// Makes a veth pair (which every host of containers has, unlike `dummy`), one end with this name
/// and the addresses. Not undone on errors.
Result<> add_veth_link(const std::string& name, const std::vector<IpPrefix>& addresses);

}  // namespace skerry::cni
