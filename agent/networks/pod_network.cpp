#include "agent/networks/pod_network.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "cni/network_list.h"

namespace skerry::agent {
namespace {

using isolators::NetworkMode;
using isolators::NetworkSettings;
using isolators::NetworkWish;

constexpr int kMaxNetworks = 16;
constexpr int kMaxPorts = 1024;
constexpr int kMaxServers = 3;
constexpr int kMaxSearches = 32;
constexpr int kMaxOptions = 32;
constexpr int kMaxAliases = 1024;
constexpr std::size_t kMaxHostname = 253;
constexpr std::size_t kMaxOption = 64;

Error invalid(const std::string& field, std::string_view why) {
  return Error(Code::kInvalidArgument, fmt::format("{}: {}", field, why))
      .with_reason("FIELD_INVALID")
      .with_object("field " + field);
}

Result<> at_most(const std::string& field, int count, int most) {
  if (count <= most) return {};
  return invalid(field, fmt::format("has {} entries; {} are allowed", count, most));
}

Result<cni::IpAddress> address(const std::string& field, const std::string& text) {
  const auto parsed = cni::IpAddress::parse(text);
  if (!parsed) return invalid(field, fmt::format("\"{}\" is no IP address", text));
  return *parsed;
}

// --- networks -------------------------------------------------------------------------------

Result<> check_mac(const std::string& field, const std::string& mac) {
  constexpr std::size_t kLength = 17;
  bool good = mac.size() == kLength;
  for (std::size_t i = 0; good && i < mac.size(); ++i) {
    good = i % 3 == 2 ? mac[i] == ':' : std::isxdigit(static_cast<unsigned char>(mac[i])) != 0;
  }
  if (!good) return invalid(field, fmt::format("\"{}\" is not like 02:42:0a:58:00:07", mac));
  // The lowest bit of the first byte.
  if (std::string_view("13579bBdDfF").find(mac[1]) != std::string_view::npos) {
    return invalid(field, fmt::format("\"{}\" is a group address", mac));
  }
  return {};
}

Result<NetworkWish> check_wish(const v1::NetworkAttachment& spec,
                               const std::string& field,
                               int index) {
  NetworkWish wish{.network = spec.network(), .interface = spec.interface()};
  if (spec.network() == "none" || spec.network() == "host") {
    return invalid(field + ".network", fmt::format("\"{}\" is a mode (network)", spec.network()));
  }
  if (auto named = cni::check_name("network", wish.network); !named) {
    return invalid(field + ".network", named.error().message());
  }
  if (wish.interface.empty()) wish.interface = fmt::format("eth{}", index);
  if (auto named = cni::check_interface_name(wish.interface); !named || wish.interface == "lo") {
    return invalid(field + ".interface",
                   fmt::format("\"{}\" is no name for an interface", wish.interface));
  }
  for (const std::string& text : spec.addresses()) {
    TRY_ASSIGN(const cni::IpAddress one, address(field + ".addresses", text));
    const auto same_family = [&](const cni::IpAddress& other) { return other.is_v6 == one.is_v6; };
    if (std::ranges::any_of(wish.addresses, same_family)) {
      return invalid(field + ".addresses", "two of one family");
    }
    wish.addresses.push_back(one);
  }
  if (!spec.mac_address().empty()) TRY(check_mac(field + ".mac_address", spec.mac_address()));
  wish.mac = spec.mac_address();
  return wish;
}

Result<> check_networks(const v1::PodSpec& pod, const std::string& path, NetworkSettings& out) {
  TRY(at_most(path + ".networks", pod.networks_size(), kMaxNetworks));
  for (int i = 0; i < pod.networks_size(); ++i) {
    const std::string field = fmt::format("{}.networks[{}]", path, i);
    TRY_ASSIGN(NetworkWish wish, check_wish(pod.networks(i), field, i));
    for (const NetworkWish& other : out.networks) {
      if (other.network == wish.network) {
        return invalid(field + ".network", fmt::format("\"{}\" appears twice", wish.network));
      }
      if (other.interface == wish.interface) {
        return invalid(field + ".interface", fmt::format("\"{}\" appears twice", wish.interface));
      }
    }
    out.networks.push_back(std::move(wish));
  }
  return {};
}

// --- ports ----------------------------------------------------------------------------------

Result<std::uint16_t> check_port(const std::string& field, std::uint32_t port) {
  if (port >= 1 && port <= std::numeric_limits<std::uint16_t>::max()) {
    return static_cast<std::uint16_t>(port);
  }
  return invalid(field, fmt::format("{} is not between 1 and 65535", port));
}

Result<cni::PortMapping> check_mapping(const v1::PortMapping& spec, const std::string& field) {
  cni::PortMapping out;
  TRY_ASSIGN(out.host_port, check_port(field + ".host_port", spec.host_port()));
  TRY_ASSIGN(out.container_port, check_port(field + ".container_port", spec.container_port()));
  switch (spec.protocol()) {
    case v1::PORT_PROTOCOL_UNSPECIFIED:
    case v1::PORT_PROTOCOL_TCP:
      out.protocol = cni::Protocol::kTcp;
      break;
    case v1::PORT_PROTOCOL_UDP:
      out.protocol = cni::Protocol::kUdp;
      break;
    default:
      return invalid(field + ".protocol", fmt::format("{} is no protocol", int{spec.protocol()}));
  }
  if (spec.host_ip().empty()) return out;
  TRY_ASSIGN(out.host_ip, address(field + ".host_ip", spec.host_ip()));
  return out;
}

Result<> check_ports(const v1::PodSpec& pod, const std::string& path, NetworkSettings& out) {
  TRY(at_most(path + ".ports", pod.ports_size(), kMaxPorts));
  for (int i = 0; i < pod.ports_size(); ++i) {
    const std::string field = fmt::format("{}.ports[{}]", path, i);
    TRY_ASSIGN(const cni::PortMapping port, check_mapping(pod.ports(i), field));
    const auto clash = [&](const cni::PortMapping& other) {
      const bool same_address = !port.host_ip || !other.host_ip || *port.host_ip == *other.host_ip;
      return port.host_port == other.host_port && port.protocol == other.protocol && same_address;
    };
    if (std::ranges::any_of(out.ports, clash)) {
      return invalid(field,
                     fmt::format("port {}/{} of the host is published twice",
                                 port.host_port,
                                 cni::protocol_text(port.protocol)))
          .with_reason("PORT_REPEATED");
    }
    out.ports.push_back(port);
  }
  return {};
}

// --- names ----------------------------------------------------------------------------------

bool is_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
}

bool is_domain(std::string_view text) {
  return !text.empty() && text.size() <= kMaxHostname && std::ranges::all_of(text, is_name_char);
}

Result<> check_dns(const v1::DnsConfig& dns, const std::string& path, isolators::DnsWish& out) {
  TRY(at_most(path + ".servers", dns.servers_size(), kMaxServers));
  TRY(at_most(path + ".searches", dns.searches_size(), kMaxSearches));
  TRY(at_most(path + ".options", dns.options_size(), kMaxOptions));
  for (const std::string& text : dns.servers()) {
    TRY_ASSIGN(const cni::IpAddress server, address(path + ".servers", text));
    out.servers.push_back(server);
  }
  for (const std::string& text : dns.searches()) {
    if (!is_domain(text)) {
      return invalid(path + ".searches", fmt::format("\"{}\" is no domain", text));
    }
    out.searches.push_back(text);
  }
  for (const std::string& text : dns.options()) {
    const bool good = !text.empty() && text.size() <= kMaxOption &&
                      std::ranges::all_of(text, [](char c) { return is_name_char(c) || c == ':'; });
    if (!good) return invalid(path + ".options", fmt::format("\"{}\" is no option", text));
    out.options.push_back(text);
  }
  return {};
}

Result<> check_aliases(const v1::PodSpec& pod, const std::string& path, NetworkSettings& out) {
  TRY(at_most(path + ".host_aliases", pod.host_aliases_size(), kMaxAliases));
  for (int i = 0; i < pod.host_aliases_size(); ++i) {
    const std::string field = fmt::format("{}.host_aliases[{}]", path, i);
    isolators::HostAlias alias;
    TRY_ASSIGN(alias.ip, address(field + ".ip", pod.host_aliases(i).ip()));
    for (const std::string& name : pod.host_aliases(i).hostnames()) {
      if (!is_domain(name)) {
        return invalid(field + ".hostnames", fmt::format("\"{}\" is no host name", name));
      }
      alias.names.push_back(name);
    }
    if (alias.names.empty()) return invalid(field + ".hostnames", "is empty");
    out.aliases.push_back(std::move(alias));
  }
  return {};
}

// --- mode -----------------------------------------------------------------------------------

Result<NetworkMode> check_mode(const v1::PodSpec& pod,
                               const std::string& path,
                               const std::string& default_network) {
  const bool lists = pod.networks_size() > 0;
  switch (pod.network()) {
    case v1::NETWORK_MODE_UNSPECIFIED:
      if (lists) return NetworkMode::kNetworks;
      if (default_network == "none") return NetworkMode::kNone;
      if (default_network == "host") return NetworkMode::kHost;
      return NetworkMode::kNetworks;
    case v1::NETWORK_MODE_NONE:
      if (lists) return invalid(path + ".networks", "network says none");
      return NetworkMode::kNone;
    case v1::NETWORK_MODE_HOST:
      if (lists) return invalid(path + ".networks", "network says host");
      return NetworkMode::kHost;
    default:
      return invalid(path + ".network", fmt::format("{} is no mode", int{pod.network()}));
  }
}

// What needs a network of the pod's own.
Result<> refuse_without_network(const v1::PodSpec& pod, const std::string& path, NetworkMode mode) {
  const std::string_view why = mode == NetworkMode::kHost ? "the pod is on the host's network"
                                                          : "the pod has no network but loopback";
  if (pod.ports_size() > 0) return invalid(path + ".ports", why);
  if (pod.has_dns()) return invalid(path + ".dns", why);
  if (pod.host_aliases_size() > 0) return invalid(path + ".host_aliases", why);
  return {};
}

}  // namespace

Result<PodNetwork> check_pod_network(const v1::PodSpec& pod,
                                     const std::string& path,
                                     const config::NetworkOptions& options) {
  PodNetwork out;
  TRY_ASSIGN(out.mode, check_mode(pod, path, options.default_network));
  if (out.mode != NetworkMode::kNetworks) {
    TRY(refuse_without_network(pod, path, out.mode));
    return out;
  }
  TRY(check_networks(pod, path, out.settings));
  if (out.settings.networks.empty()) {
    out.settings.networks.push_back({.network = options.default_network, .interface = "eth0"});
  }
  TRY(check_ports(pod, path, out.settings));
  TRY(check_dns(pod.dns(), path + ".dns", out.settings.dns));
  TRY(check_aliases(pod, path, out.settings));
  return out;
}

v1::PortMapping to_api(const cni::PortMapping& port) {
  v1::PortMapping out;
  if (port.host_ip) out.set_host_ip(port.host_ip->str());
  out.set_host_port(port.host_port);
  out.set_container_port(port.container_port);
  out.set_protocol(port.protocol == cni::Protocol::kUdp ? v1::PORT_PROTOCOL_UDP
                                                        : v1::PORT_PROTOCOL_TCP);
  return out;
}

}  // namespace skerry::agent
