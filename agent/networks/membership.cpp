#include "agent/networks/membership.h"

#include <algorithm>

namespace skerry::agent {

using isolators::NetworkMembership;
using isolators::NetworkSettings;
using isolators::NetworkWish;

cni::Attachment make_attachment(const Uid& uid,
                                const NetworkSettings& settings,
                                const NetworkWish& wish,
                                const std::string& netns) {
  cni::Attachment out{
      .network = wish.network, .container = uid.str(), .interface = wish.interface, .netns = netns};
  const bool is_first =
      !settings.networks.empty() && settings.networks.front().network == wish.network;
  if (is_first) out.ports = settings.ports;
  // The network knows the length of its own part.
  for (const cni::IpAddress& address : wish.addresses) out.ips.push_back({address, address.bits()});
  out.mac = wish.mac;
  out.dns = {.servers = settings.dns.servers,
             .domain = {},
             .search = settings.dns.searches,
             .options = settings.dns.options};
  return out;
}

NetworkMembership to_membership(const NetworkWish& wish, const cni::CniResult& result) {
  NetworkMembership out{.network = wish.network, .interface = wish.interface};
  for (const cni::ResultInterface& one : result.interfaces) {
    // The bridge comes first, the pod's own end last.
    if (one.sandbox.empty()) out.host_interface = one.name;
    if (!one.sandbox.empty() && one.name == wish.interface) out.mac = one.mac;
  }
  for (const cni::ResultIp& ip : result.ips) {
    out.addresses.push_back(ip.address.str());
    if (!ip.gateway) continue;
    const std::string gateway = ip.gateway->str();
    if (std::ranges::find(out.gateways, gateway) == out.gateways.end()) {
      out.gateways.push_back(gateway);
    }
  }
  return out;
}

isolators::DnsWish to_dns(const cni::DnsSettings& dns) {
  isolators::DnsWish out{.servers = dns.servers, .searches = dns.search, .options = dns.options};
  if (out.searches.empty() && !dns.domain.empty()) out.searches.push_back(dns.domain);
  return out;
}

}  // namespace skerry::agent
