// What a pod wants of the network, and what it got. Values only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cni/attachment.h"
#include "cni/ip_prefix.h"

namespace skerry::isolators {

/// Membership in one network, as it is asked for.
struct NetworkWish {
  std::string network;
  std::string interface;  ///< inside: "eth0"
  /// At most one of each family. Empty: the network chooses.
  std::vector<cni::IpAddress> addresses{};
  std::string mac{};  ///< empty: the network chooses
  bool operator==(const NetworkWish&) const = default;
};

/// One more line of /etc/hosts.
struct HostAlias {
  cni::IpAddress ip;
  std::vector<std::string> names;
  bool operator==(const HostAlias&) const = default;
};

/// What resolv.conf(5) says; a part that is empty is somebody else's to say.
struct DnsWish {
  std::vector<cni::IpAddress> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
  bool operator==(const DnsWish&) const = default;
};

struct NetworkSettings {
  /// Who it is, for people: "container web". Shown to whoever wants the same port.
  std::string owner;
  /// Not empty. The first one has the default route and the ports.
  std::vector<NetworkWish> networks;
  std::vector<cni::PortMapping> ports;
  DnsWish dns;
  std::vector<HostAlias> aliases;
  bool operator==(const NetworkSettings&) const = default;
};

/// Membership in one network, as it came out.
struct NetworkMembership {
  std::string network;
  std::string interface;
  std::string host_interface{};  ///< its other end; empty: none, or not said
  std::string mac{};
  std::vector<std::string> addresses{};  ///< with prefix length
  std::vector<std::string> gateways{};
  bool operator==(const NetworkMembership&) const = default;
};

/// What has to be given back, and what the API shows of it.
struct NetworkRecord {
  /// Tells one attempt of a container from the next: what was owed of an earlier one is not taken
  /// from a later one.
  std::string attempt{};
  std::vector<NetworkMembership> networks{};
  std::vector<cni::PortMapping> ports{};
  bool operator==(const NetworkRecord&) const = default;
};

/// The bytes of a checkpoint, version 1. Errors of decode: DATA_LOSS, reason CHECKPOINT_DAMAGED.
/// Blocks: never.
std::string encode_network_record(const NetworkRecord& record);
Result<NetworkRecord> decode_network_record(std::string_view bytes);

}  // namespace skerry::isolators
