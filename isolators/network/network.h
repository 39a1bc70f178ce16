// Isolator "network": the container's membership in networks, and what its /etc says of it.
//
//   none   nothing here: a namespace with loopback only, made with the others
//   host   the host's network; its hosts and resolv.conf, read-only
//   else   a sandbox with the networks of the spec, joined by the container
#pragma once

#include <memory>
#include <vector>

#include "isolators/isolator.h"
#include "isolators/network/etc_files.h"
#include "isolators/network/network_attacher.h"

namespace skerry::isolators {

struct NetworkIsolatorOptions {
  NetworkAttacher& attacher;
  /// Resolvers instead of the host's; empty: the host's.
  std::vector<cni::IpAddress> dns_servers;
};

/// Errors of validate and prepare: the attacher's, and those of etc_files.h.
std::unique_ptr<Isolator> make_network_isolator(NetworkIsolatorOptions options);

/// The name of the isolator: whose checkpoint says what the API shows of a container's networks.
constexpr std::string_view kNetworkIsolator = "network";

/// The lane of a network's plugins (Isolator::foreign_code).
std::string network_lane(const std::string& network);

/// The content of /etc for a pod on these networks.
EtcContent etc_content(const std::string& hostname,
                       const NetworkSettings& settings,
                       const AttachedSandbox& attached,
                       const std::vector<cni::IpAddress>& dns_servers);

}  // namespace skerry::isolators
