// The networks of this host as the daemon knows them now: the last reading of the configuration
// directory, for any thread.
#pragma once

#include <memory>
#include <string>

#include "agent/networks/generated_network.h"
#include "agent/networks/network_table.h"
#include "agent/runtime/mutex.h"
#include "base/result.h"
#include "cni/plugin_call.h"

namespace skerry::agent {

/// Thread: any.
class NetworkBook final {
 public:
  NetworkBook(std::string config_dir, cni::PluginPaths paths, GeneratedNetwork& generated);

  /// Reads the directory anew. When that fails the old reading stays. Errors: as
  /// load_network_table(). Blocks: disk.
  Result<> reload();
  std::shared_ptr<const NetworkTable> table() const;

  /// The list to attach by; that of the generated network has a subnet and its bridge. Errors: as
  /// find_network() and GeneratedNetwork::make_ready(). Blocks: kernel, disk. Thread: worker.
  Result<cni::NetworkList> resolve(const std::string& name) const;

  GeneratedNetwork& generated() const { return generated_; }
  const cni::PluginPaths& paths() const { return paths_; }

 private:
  std::string config_dir_;
  cni::PluginPaths paths_;
  GeneratedNetwork& generated_;
  mutable runtime::Mutex mutex_;
  std::shared_ptr<const NetworkTable> table_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
