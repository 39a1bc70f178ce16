#include "agent/networks/network_book.h"

#include <utility>

namespace skerry::agent {

NetworkBook::NetworkBook(std::string config_dir,
                         cni::PluginPaths paths,
                         GeneratedNetwork& generated)
    : config_dir_(std::move(config_dir)),
      paths_(std::move(paths)),
      generated_(generated),
      table_(std::make_shared<const NetworkTable>()) {}

Result<> NetworkBook::reload() {
  TRY_ASSIGN(NetworkTable loaded, load_network_table(config_dir_, generated_));
  auto table = std::make_shared<const NetworkTable>(std::move(loaded));
  const runtime::MutexLock lock(mutex_);
  table_ = std::move(table);
  return {};
}

std::shared_ptr<const NetworkTable> NetworkBook::table() const {
  const runtime::MutexLock lock(mutex_);
  return table_;
}

Result<cni::NetworkList> NetworkBook::resolve(const std::string& name) const {
  TRY_ASSIGN(KnownNetwork network, find_network(*table(), name));
  if (network.is_generated) return generated_.make_ready();
  return std::move(network.list);
}

}  // namespace skerry::agent
