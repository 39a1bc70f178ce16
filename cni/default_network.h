// The network a container has when nobody says otherwise: a bridge of the daemon's own, addresses
// from host-local, published ports, firewall rules; all by the reference plugins.
//
// What it leaves on the host while it has no attachment, and who removes it:
//   the bridge                        remove_bridge(), when the network goes
//   dataDir (no lease in it)          the caller, with the directory it gave
//   net.ipv4.ip_forward=1, and route_localnet=1 of the bridge (gone with it)  stays: the host's
//   chains CNI-FORWARD and CNI-ADMIN of the filter table, CNI-HOSTPORT-DNAT, -SETMARK and -MASQ of
//   the nat table, with the jumps to them   stay: every CNI runtime of the host shares them
// What belongs to one attachment (veth, lease, the chains CNI-<hash> and CNI-DN-<hash> and their
// rules, each with the comment `name: "NETWORK" id: "CONTAINER"`) goes with its DEL.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cni/ip_prefix.h"
#include "cni/network_list.h"

namespace skerry::cni {

struct DefaultNetwork {
  std::string name;
  std::string bridge;
  /// IPv4; the first address is the bridge's.
  IpPrefix subnet;
  /// Of host-local; absolute. Not shared with another daemon.
  std::string data_dir;
};

/// A bridge name of at most 15 characters: "<daemon>0", or the daemon's first 7 characters and a
/// hash of its whole name, so that two daemons of a host have two bridges. The same name always
/// gives the same bridge.
std::string bridge_name(std::string_view daemon_name);

/// The list: bridge (isGateway, ipMasq, hairpinMode), host-local, portmap, firewall. Errors:
/// INVALID_ARGUMENT for names that are none or a subnet with no room for a container.
Result<NetworkList> make_default_network(const DefaultNetwork& network);

/// The bridge in the list; empty when it has none.
std::string bridge_of(const NetworkList& list);

}  // namespace skerry::cni
