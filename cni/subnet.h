// The choice of a generated network's subnet, free of collisions with what the host uses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cni/ip_prefix.h"
#include "cni/link.h"

namespace skerry::cni {

struct SubnetWish {
  /// Ranges to choose from, in order (IPv4).
  std::vector<IpPrefix> candidates;
  /// Of the subnet.
  unsigned length = 20;
  /// What was chosen before, kept while nobody else uses it.
  std::optional<IpPrefix> previous = {};
  /// The network's own bridge: its prefixes are no collision.
  std::string own_interface = {};
};

/// 10.88.0.0/14, 172.24.0.0/14, 192.168.128.0/17: private, and seldom what a site begins with.
std::vector<IpPrefix> default_subnet_candidates();

/// The previous choice, or the first subnet of the candidates that overlaps none of `taken`.
/// Errors: RESOURCE_EXHAUSTED, reason NO_SUBNET_LEFT, with the candidates; INVALID_ARGUMENT for
/// candidates that are not IPv4 or a length outside 8–29. Blocks: never.
Result<IpPrefix> choose_subnet(const SubnetWish& wish, const std::vector<HostPrefix>& taken);

}  // namespace skerry::cni
