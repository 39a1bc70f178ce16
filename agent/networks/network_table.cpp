#include "agent/networks/network_table.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/path.h"

namespace skerry::agent {
namespace {

/// Of the reference plugins, and Debian's package of them.
constexpr auto kPackaged = std::to_array<std::string_view>({"bandwidth",
                                                            "bridge",
                                                            "dhcp",
                                                            "firewall",
                                                            "host-device",
                                                            "host-local",
                                                            "ipvlan",
                                                            "loopback",
                                                            "macvlan",
                                                            "portmap",
                                                            "ptp",
                                                            "sbr",
                                                            "static",
                                                            "tuning",
                                                            "vlan",
                                                            "vrf"});
constexpr std::string_view kPackage = "containernetworking-plugins";

bool is_mode(const std::string& name) { return name == "none" || name == "host"; }

Error mode_name(const std::string& name) {
  return Error(Code::kInvalidArgument, fmt::format("\"{}\" is a mode and no network's name", name))
      .with_reason("NETWORK_INVALID");
}

Result<cni::LoadedNetworks> load_directory(const std::string& config_dir) {
  const auto dir = os::open_dir(config_dir);
  // Something else in its place (ENOTDIR) is a mistake.
  if (!dir && dir.error().sys_errno() == ENOENT) return cni::LoadedNetworks{};
  if (!dir) return dir.error();
  return cni::load_networks(dir->get());
}

}  // namespace

Result<NetworkTable> load_network_table(const std::string& config_dir,
                                        const GeneratedNetwork& generated) {
  TRY_ASSIGN(cni::LoadedNetworks loaded, load_directory(config_dir));
  NetworkTable table;
  table.refused = std::move(loaded.refused);
  for (cni::NetworkList& list : loaded.networks) {
    if (is_mode(list.name)) {
      table.refused.push_back({.file = list.name, .error = mode_name(list.name)});
      continue;
    }
    const std::string name = list.name;
    table.networks[name] = {.list = std::move(list), .source = config_dir};
  }
  const std::string name(kGeneratedNetwork);
  if (!table.networks.contains(name)) {
    table.networks[name] = {.list = generated.list(), .source = {}, .is_generated = true};
  }
  return table;
}

Result<KnownNetwork> find_network(const NetworkTable& table, const std::string& name) {
  const auto found = table.networks.find(name);
  if (found != table.networks.end()) return found->second;
  std::vector<std::string> names = {"none", "host"};
  for (const auto& [each, network] : table.networks) names.push_back(each);
  std::string message =
      fmt::format("there is no network \"{}\"; there are {}", name, fmt::join(names, ", "));
  for (const cni::RefusedFile& file : table.refused) {
    message += fmt::format("; refused: {}", file.error.message());
  }
  return Error(Code::kNotFound, message)
      .with_reason("NETWORK_NOT_FOUND")
      .with_object(fmt::format("network {}", name));
}

Result<> check_network_plugins(const cni::PluginPaths& paths, const cni::NetworkList& list) {
  auto checked = cni::check_plugins(paths, list);
  if (checked || checked.error().reason() != "CNI_PLUGIN_MISSING") return checked;
  const std::string& message = checked.error().message();
  if (std::ranges::find(kPackaged, checked.error().object()) == kPackaged.end()) return checked;
  return Error(checked.error().code(),
               fmt::format("{}; the package \"{}\" has it (or use --network none or host)",
                           message,
                           kPackage))
      .with_reason("CNI_PLUGIN_MISSING")
      .with_object(fmt::format("network {}", list.name));
}

}  // namespace skerry::agent
