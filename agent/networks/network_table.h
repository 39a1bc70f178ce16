// Every network there is by name: the operator's lists and the generated one. Values, read from the
// configuration directory as a whole.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/networks/generated_network.h"
#include "base/result.h"
#include "cni/network_dir.h"
#include "cni/network_list.h"
#include "cni/plugin_call.h"

namespace skerry::agent {

struct KnownNetwork {
  cni::NetworkList list;
  /// The configuration directory; empty: generated.
  std::string source;
  bool is_generated = false;
};

struct NetworkTable {
  std::map<std::string, KnownNetwork> networks;
  /// Files that name no network we can use.
  std::vector<cni::RefusedFile> refused;
};

/// Reads the directory (one that is not there has no network), and adds the generated network
/// unless a file bears its name. Networks named "none" or "host" are refused: those are modes.
/// Errors: when the directory cannot be read. Blocks: disk. Thread: any.
Result<NetworkTable> load_network_table(const std::string& config_dir,
                                        const GeneratedNetwork& generated);

/// Errors: NOT_FOUND, reason NETWORK_NOT_FOUND, naming the networks there are, and the file that
/// was refused. Blocks: never.
Result<KnownNetwork> find_network(const NetworkTable& table, const std::string& name);

/// Errors: FAILED_PRECONDITION, reason CNI_PLUGIN_MISSING, with the package to install where it is
/// known which. Blocks: disk.
Result<> check_network_plugins(const cni::PluginPaths& paths, const cni::NetworkList& list);

}  // namespace skerry::agent
