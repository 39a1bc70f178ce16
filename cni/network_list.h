// A network as its configuration says it: a chain of plugins. CNI specification, section 1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cni/spec_version.h"

namespace skerry::cni {

/// One plugin of a chain.
struct PluginConfig {
  /// The program's name, without a slash.
  std::string type;
  /// What the plugin wants to be told at run time: "portMappings", "ips" …
  std::vector<std::string> capabilities;
  /// Its JSON object as it stands in the list.
  std::string bytes;
};

struct NetworkList {
  std::string name;
  /// The highest of the versions the list and we know: the one plugins are called with.
  SpecVersion version = SpecVersion::k010;
  bool disable_check = false;
  /// Plugins are in the list only, none beside it in a directory of the network's name.
  bool inlined_only = false;
  std::vector<PluginConfig> plugins{};
  /// The whole list. What ADD was called with is kept, byte for byte, until DEL.
  std::string bytes{};
};

/// Reads a .conflist. Errors: INVALID_ARGUMENT, reason NETWORK_INVALID, saying what is wrong: no
/// JSON, no name or one that is none, a version nobody knows, no plugin, a plugin without a type.
/// Blocks: never.
Result<NetworkList> parse_network_list(std::string_view bytes);

/// Reads a .conf, one plugin by itself, as a list of one. Errors: as parse_network_list.
Result<NetworkList> parse_network_conf(std::string_view bytes);

/// The same list with further plugins at its end, and `inlined_only` from then on. `plugins`: JSON
/// objects. Errors: as parse_network_list.
Result<NetworkList> with_plugins(const NetworkList& list, const std::vector<std::string>& plugins);

/// Names of networks, containers and interfaces as the specification has them: letters, digits,
/// "_", ".", "-", the first a letter or digit; at most 64 (an interface's 15) characters.
/// Errors: INVALID_ARGUMENT naming `what`.
Result<> check_name(std::string_view what, std::string_view name);
Result<> check_interface_name(std::string_view name);

}  // namespace skerry::cni
