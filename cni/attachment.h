// A container's (or pod's) membership in one network, as it is asked for and as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cni/cni_result.h"
#include "cni/network_list.h"

namespace skerry::cni {

enum class Protocol : std::uint8_t { kTcp, kUdp, kSctp };

/// "tcp", "udp", "sctp".
std::string_view protocol_text(Protocol protocol);
std::optional<Protocol> parse_protocol(std::string_view text);

struct PortMapping {
  std::uint16_t host_port = 0;
  std::uint16_t container_port = 0;
  Protocol protocol = Protocol::kTcp;
  /// The host's address it answers on; absent for all.
  std::optional<IpAddress> host_ip = {};
  bool operator==(const PortMapping&) const = default;
};

struct Attachment {
  std::string network;
  /// Our uid. Plugins make interface and chain names from its first 11 characters.
  std::string container;
  std::string interface = "eth0";
  /// A path that stays good while the call runs, such as /proc/PID/fd/N. Empty on DEL when the
  /// namespace is gone.
  std::string netns;
  /// CNI_ARGS: keys and values without ";", "=", NUL.
  std::vector<std::pair<std::string, std::string>> args = {};
  std::vector<PortMapping> ports = {};
  /// Asked addresses, with the length of the network part.
  std::vector<IpPrefix> ips = {};
  std::string mac = {};
  DnsSettings dns = {};
  std::string cgroup_path = {};
  /// Further capability arguments ("bandwidth", "aliases" …): a JSON object, or empty.
  std::string more_capability_args = {};
};

/// Errors: INVALID_ARGUMENT naming what is wrong. Blocks: never.
Result<> check_attachment(const Attachment& attachment);

/// runtimeConfig as one JSON object, or empty. Errors: INVALID_ARGUMENT for bad
/// more_capability_args.
Result<std::string> capability_args(const Attachment& attachment);

/// What is asked and would silently not be: ports, addresses or a MAC address on a network none of
/// whose plugins has the capability. Hints (DNS, cgroup path) a network may ignore. Errors:
/// FAILED_PRECONDITION, reason NETWORK_CANNOT. Blocks: never.
Result<> check_capabilities(const NetworkList& list, const Attachment& attachment);

}  // namespace skerry::cni
