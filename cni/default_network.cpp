#include "cni/default_network.h"

#include <fmt/format.h>

#include "cni/json.h"

namespace skerry::cni {
namespace {

constexpr std::size_t kMaxBridgeName = 15;

/// FNV-1a.
std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 16777619U;
  }
  return hash;
}

Json bridge_plugin(const DefaultNetwork& network) {
  const Json range = {{"subnet", network.subnet.network().str()}};
  return {{"type", "bridge"},
          {"bridge", network.bridge},
          {"isGateway", true},
          {"ipMasq", true},
          {"hairpinMode", true},
          {"capabilities", {{"ips", true}, {"mac", true}}},
          {"ipam",
           {{"type", "host-local"},
            {"dataDir", network.data_dir},
            {"ranges", Json::array({Json::array({range})})},
            {"routes", Json::array({{{"dst", "0.0.0.0/0"}}})}}}};
}

}  // namespace

std::string bridge_name(std::string_view daemon_name) {
  if (daemon_name.size() < kMaxBridgeName) return fmt::format("{}0", daemon_name);
  return fmt::format("{}{:08x}", daemon_name.substr(0, 7), hash_of(daemon_name));
}

Result<NetworkList> make_default_network(const DefaultNetwork& network) {
  TRY(check_interface_name(network.bridge));
  if (network.subnet.address.is_v6 || network.subnet.length > 29)
    return Error(Code::kInvalidArgument,
                 fmt::format("subnet \"{}\" has no room for a container", network.subnet.str()));
  // 1.0.0 is what Debian's plugins know.
  const Json list = {
      {"cniVersion", "1.0.0"},
      {"name", network.name},
      {"plugins",
       Json::array(
           {bridge_plugin(network),
            {{"type", "portmap"}, {"snat", true}, {"capabilities", {{"portMappings", true}}}},
            {{"type", "firewall"}}})},
      {"loadOnlyInlinedPlugins", true}};
  return parse_network_list(to_text(list));
}

std::string bridge_of(const NetworkList& list) {
  for (const PluginConfig& plugin : list.plugins) {
    if (plugin.type != "bridge") continue;
    const auto json = parse_object(plugin.bytes);
    if (!json) continue;
    const auto name = string_member(*json, "bridge");
    // The plugin's own default.
    if (name) return name->empty() ? "cni0" : *name;
  }
  return {};
}

}  // namespace skerry::cni
