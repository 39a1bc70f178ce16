#include "cni/attachment.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "cni/json.h"

namespace skerry::cni {
namespace {

constexpr std::array<std::string_view, 3> kProtocols = {"tcp", "udp", "sctp"};
constexpr std::size_t kMaxArg = 4096;

Error invalid(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

bool is_arg(std::string_view text, std::string_view forbidden) {
  return text.size() <= kMaxArg && text.find_first_of(forbidden) == std::string_view::npos &&
         text.find('\0') == std::string_view::npos;
}

Json port_json(const PortMapping& port) {
  Json out = {{"hostPort", port.host_port},
              {"containerPort", port.container_port},
              {"protocol", protocol_text(port.protocol)}};
  if (port.host_ip) out["hostIP"] = port.host_ip->str();
  return out;
}

Json dns_json(const DnsSettings& dns) {
  Json out = Json::object();
  for (const IpAddress& server : dns.servers) out["servers"].push_back(server.str());
  if (!dns.search.empty()) out["searches"] = dns.search;
  if (!dns.options.empty()) out["options"] = dns.options;
  return out;
}

bool has_capability(const NetworkList& list, std::string_view capability) {
  return std::ranges::any_of(list.plugins, [&](const PluginConfig& plugin) {
    return std::ranges::find(plugin.capabilities, capability) != plugin.capabilities.end();
  });
}

}  // namespace

std::string_view protocol_text(Protocol protocol) {
  return kProtocols[static_cast<std::size_t>(protocol)];
}

std::optional<Protocol> parse_protocol(std::string_view text) {
  const auto* const found = std::ranges::find(kProtocols, text);
  if (found == kProtocols.end()) return std::nullopt;
  return static_cast<Protocol>(found - kProtocols.begin());
}

Result<> check_attachment(const Attachment& attachment) {
  TRY(check_name("network", attachment.network));
  TRY(check_name("container", attachment.container));
  TRY(check_interface_name(attachment.interface));
  if (!is_arg(attachment.netns, "")) return invalid("the path of the network namespace is none");
  for (const auto& [key, value] : attachment.args) {
    if (key.empty() || !is_arg(key, ";=") || !is_arg(value, ";"))
      return invalid(fmt::format("argument \"{}\" has \";\", \"=\" or NUL, or is too long",
                                 printable(key, 64)));
  }
  for (const PortMapping& port : attachment.ports) {
    if (port.host_port == 0 || port.container_port == 0)
      return invalid(fmt::format(
          "port mapping {}:{}: a port is 1-65535", port.host_port, port.container_port));
  }
  return {};
}

Result<std::string> capability_args(const Attachment& attachment) {
  Json out = Json::object();
  if (!attachment.more_capability_args.empty()) {
    TRY_ASSIGN(out, parse_object(attachment.more_capability_args));
  }
  for (const PortMapping& port : attachment.ports) out["portMappings"].push_back(port_json(port));
  for (const IpPrefix& ip : attachment.ips) out["ips"].push_back(ip.str());
  if (!attachment.mac.empty()) out["mac"] = attachment.mac;
  if (Json dns = dns_json(attachment.dns); !dns.empty()) out["dns"] = std::move(dns);
  if (!attachment.cgroup_path.empty()) out["cgroupPath"] = attachment.cgroup_path;
  return out.empty() ? std::string() : to_text(out);
}

Result<> check_capabilities(const NetworkList& list, const Attachment& attachment) {
  const std::array<std::pair<bool, const char*>, 3> wanted = {{
      {!attachment.ports.empty(), "portMappings"},
      {!attachment.ips.empty(), "ips"},
      {!attachment.mac.empty(), "mac"},
  }};
  for (const auto& [is_wanted, capability] : wanted) {
    if (is_wanted && !has_capability(list, capability))
      return Error(Code::kFailedPrecondition,
                   fmt::format("network \"{}\": no plugin of it has the capability \"{}\"",
                               list.name,
                               capability))
          .with_reason("NETWORK_CANNOT");
  }
  return {};
}

}  // namespace skerry::cni
