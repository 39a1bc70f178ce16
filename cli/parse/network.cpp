#include "cli/parse/network.h"

#include <arpa/inet.h>

#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "cli/parse/quantity.h"
#include "cli/parse/words.h"

namespace skerry::cli {
namespace {

Error bad(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

constexpr std::string_view kPortForm = "-p takes [IP:]HOST:CONTAINER[/tcp|udp]";

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return ::inet_pton(family, text.c_str(), ignored.data()) == 1;
}

bool is_address(const std::string& text) {
  return is_address(AF_INET, text) || is_address(AF_INET6, text);
}

struct PortRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

Result<std::uint32_t> parse_port(std::string_view text) {
  const auto port = parse_count(text);
  if (!port || *port == 0 || *port > std::numeric_limits<std::uint16_t>::max()) {
    return bad(fmt::format("\"{}\" is not a port (1 to 65535)", text));
  }
  return static_cast<std::uint32_t>(*port);
}

Result<PortRange> parse_range(std::string_view text) {
  const auto dash = text.find('-');
  PortRange range;
  TRY_ASSIGN(range.first, parse_port(text.substr(0, dash)));
  range.last = range.first;
  if (dash != std::string_view::npos) {
    TRY_ASSIGN(range.last, parse_port(text.substr(dash + 1)));
  }
  if (range.last < range.first)
    return bad(fmt::format("the range \"{}\" ends before it begins", text));
  return range;
}

struct PortText {
  std::string ip;
  std::string_view host;
  std::string_view container;
};

/// From the right: an address may hold colons.
Result<PortText> cut_up(std::string_view text) {
  PortText parts;
  const auto last = text.rfind(':');
  if (last == std::string_view::npos) {
    return bad(fmt::format(
        "{}; the host's port is not chosen by chance: -p {}:{}", kPortForm, text, text));
  }
  parts.container = text.substr(last + 1);
  text = text.substr(0, last);
  const auto before = text.rfind(':');
  parts.host = before == std::string_view::npos ? text : text.substr(before + 1);
  if (before == std::string_view::npos) return parts;
  std::string_view ip = text.substr(0, before);
  const bool bracketed = ip.starts_with('[') && ip.ends_with(']');
  if (bracketed) ip = ip.substr(1, ip.size() - 2);
  parts.ip = ip;
  if (!is_address(bracketed ? AF_INET6 : AF_INET, parts.ip)) {
    return bad(
        fmt::format("\"{}\" is not an address{}",
                    parts.ip,
                    parts.ip.find(':') != std::string::npos ? " (IPv6 goes in brackets)" : ""));
  }
  return parts;
}

Result<v1::PortProtocol> parse_protocol(std::string_view text) {
  if (text == "tcp") return v1::PORT_PROTOCOL_TCP;
  if (text == "udp") return v1::PORT_PROTOCOL_UDP;
  return bad(fmt::format("protocol \"{}\" is not tcp or udp", text));
}

Result<std::vector<v1::PortMapping>> parse_mappings(std::string_view text) {
  const auto slash = text.find('/');
  auto protocol = v1::PORT_PROTOCOL_TCP;
  if (slash != std::string_view::npos) {
    TRY_ASSIGN(protocol, parse_protocol(text.substr(slash + 1)));
    text = text.substr(0, slash);
  }
  TRY_ASSIGN(const auto parts, cut_up(text));
  TRY_ASSIGN(const auto host, parse_range(parts.host));
  TRY_ASSIGN(const auto container, parse_range(parts.container));
  if (host.last - host.first != container.last - container.first) {
    return bad("the two ranges are not of one length");
  }
  std::vector<v1::PortMapping> mappings;
  for (std::uint32_t i = 0; i <= host.last - host.first; ++i) {
    v1::PortMapping& mapping = mappings.emplace_back();
    mapping.set_host_ip(parts.ip);
    mapping.set_host_port(host.first + i);
    mapping.set_container_port(container.first + i);
    mapping.set_protocol(protocol);
  }
  return mappings;
}

Result<> set_network_field(v1::NetworkAttachment& network,
                           const std::string& key,
                           const std::string& value) {
  if (key == "name") {
    network.set_network(value);
  } else if (key == "interface") {
    network.set_interface(value);
  } else if ((key == "ip" && is_address(AF_INET, value)) ||
             (key == "ip6" && is_address(AF_INET6, value))) {
    network.add_addresses(value);
  } else if (key == "ip" || key == "ip6") {
    return bad(
        fmt::format("{} \"{}\" is not an {} address", key, value, key == "ip" ? "IPv4" : "IPv6"));
  } else if (key == "mac-address") {
    network.set_mac_address(value);
  } else {
    return bad(fmt::format("\"{}\" is not one of name=, interface=, ip=, ip6=, mac-address=", key));
  }
  return {};
}

Result<> fill_networks(const PodOptions& options, v1::PodSpec& pod) {
  for (const std::string& text : options.networks) {
    if (text == "none" || text == "host") {
      if (options.networks.size() > 1) return bad(fmt::format("--network {} stands alone", text));
      pod.set_network(text == "host" ? v1::NETWORK_MODE_HOST : v1::NETWORK_MODE_NONE);
    } else {
      TRY_ASSIGN(*pod.add_networks(), parse_network(text));
    }
  }
  if (options.ip.empty() && options.ip6.empty() && options.mac_address.empty()) return {};
  if (pod.networks_size() != 1) {
    return bad(
        "--ip, --ip6 and --mac-address need one --network NAME (with more, say it there: "
        "--network name=NAME,ip=ADDRESS)");
  }
  auto& network = *pod.mutable_networks(0);
  if (!options.ip.empty()) TRY(set_network_field(network, "ip", options.ip));
  if (!options.ip6.empty()) TRY(set_network_field(network, "ip6", options.ip6));
  if (!options.mac_address.empty()) network.set_mac_address(options.mac_address);
  return {};
}

Result<> fill_dns(const PodOptions& options, v1::PodSpec& pod) {
  if (options.dns.empty() && options.dns_searches.empty() && options.dns_options.empty()) return {};
  auto& dns = *pod.mutable_dns();
  for (const std::string& server : options.dns) {
    if (!is_address(server)) return bad(fmt::format("--dns \"{}\" is not an address", server));
    dns.add_servers(server);
  }
  dns.mutable_searches()->Assign(options.dns_searches.begin(), options.dns_searches.end());
  dns.mutable_options()->Assign(options.dns_options.begin(), options.dns_options.end());
  return {};
}

}  // namespace

Result<std::vector<v1::PortMapping>> parse_ports(std::string_view text) {
  auto mappings = parse_mappings(text);
  if (!mappings) return std::move(mappings).error().wrap(fmt::format("-p \"{}\"", text));
  return mappings;
}

Result<v1::NetworkAttachment> parse_network(std::string_view text) {
  v1::NetworkAttachment network;
  if (text.find('=') == std::string_view::npos) {
    if (text.empty()) return bad("--network is empty");
    network.set_network(std::string(text));
    return network;
  }
  for (const std::string& part : split(text, ',')) {
    TRY_ASSIGN(const auto pair, parse_pair("--network", part));
    if (auto set = set_network_field(network, pair.first, pair.second); !set) {
      return std::move(set).error().wrap(fmt::format("--network \"{}\"", text));
    }
  }
  if (network.network().empty()) return bad(fmt::format("--network \"{}\" needs name=NAME", text));
  return network;
}

Result<> add_host_alias(std::string_view text, v1::PodSpec& pod) {
  const auto colon = text.find(':');
  const std::string name(text.substr(0, colon));
  const std::string ip(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  if (name.empty() || !is_address(ip)) {
    return bad(fmt::format("--add-host takes NAME:ADDRESS, not \"{}\"", text));
  }
  for (auto& alias : *pod.mutable_host_aliases()) {
    if (alias.ip() != ip) continue;
    alias.add_hostnames(name);
    return {};
  }
  auto& alias = *pod.add_host_aliases();
  alias.set_ip(ip);
  alias.add_hostnames(name);
  return {};
}

Result<> fill_pod_spec(const PodOptions& options, v1::PodSpec& pod) {
  TRY(fill_networks(options, pod));
  for (const std::string& text : options.ports) {
    TRY_ASSIGN(const auto mappings, parse_ports(text));
    for (const auto& mapping : mappings) *pod.add_ports() = mapping;
  }
  TRY(fill_dns(options, pod));
  for (const std::string& text : options.hosts) TRY(add_host_alias(text, pod));
  for (const std::string& text : options.sysctls) {
    TRY_ASSIGN(auto pair, parse_pair("--sysctl", text));
    (*pod.mutable_sysctls())[pair.first] = std::move(pair.second);
  }
  pod.set_hostname(options.hostname);
  return {};
}

}  // namespace skerry::cli
