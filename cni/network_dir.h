// The configuration directory: every network an operator wrote down (CNI's /etc/cni/net.d).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cni/network_list.h"

namespace skerry::cni {

/// A file that names no network we can use, and why.
struct RefusedFile {
  std::string file;
  Error error;
};

struct LoadedNetworks {
  std::vector<NetworkList> networks;
  std::vector<RefusedFile> refused;
};

/// Reads *.conflist, then *.conf and *.json, each group by name, as libcni does; of two networks
/// with one name the first counts and the other is refused (reason NETWORK_DUPLICATE). Plugins in
/// the directory beside a list that bears the network's name are added to it, unless it says
/// loadOnlyInlinedPlugins. `dir` is borrowed. Errors: only when the directory cannot be read; a bad
/// file is in `refused`. Blocks: disk. Thread: worker.
Result<LoadedNetworks> load_networks(int dir);

}  // namespace skerry::cni
