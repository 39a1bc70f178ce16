// The networks of this daemon: which there are, who is attached, what they have made on the host.
// The one door for the rest of the daemon; the parts behind it are in this folder.
//
//   book       the operator's lists and the generated one      attacher   sandboxes and plugin
//   calls generated  the network "skerry"                            ports      who has which of
//   the host's
//
// On disk, below ROOT/cni: results/ (the result cache, in libcni's format), networks/ (host-local's
// leases of the generated network), skerry.conflist (its list).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/networks/attached_names.h"
#include "agent/networks/attacher.h"
#include "agent/networks/generated_network.h"
#include "agent/networks/network_book.h"
#include "agent/networks/port_table.h"
#include "agent/runtime/reactor.h"
#include "agent/runtime/trace.h"
#include "agent/runtime/worker_pool.h"
#include "base/unique_fd.h"
#include "cni/plugin_runner.h"

namespace skerry::agent {

struct Host;

/// Outlives every operation. Thread: any, where nothing else is said.
class NetworkDesk final {
 public:
  /// Touches nothing. `host` and `config` outlive the desk. Errors: INVALID_ARGUMENT, reason
  /// CONFIG_INVALID.
  static Result<std::unique_ptr<NetworkDesk>> make(const config::Config& config, Host& host);
  NetworkDesk(const NetworkDesk&) = delete;
  NetworkDesk& operator=(const NetworkDesk&) = delete;
  ~NetworkDesk();

  struct Running {
    const operations::FailpointRegistry& failpoints;
    runtime::WorkerPool& workers;
    runtime::Trace& trace;
  };
  /// Makes its directories, kills plugin calls that an earlier life left running, reads the lists.
  /// With the host's cgroups there, before any other call. Blocks: kernel and disk; up to two
  /// seconds for each left-over plugin that does not die.
  Result<> open(const Running& running);
  /// Reads the lists again whenever the configuration directory changes. Thread: reactor.
  void watch(runtime::Reactor& reactor);

  Attacher& attacher() { return attacher_; }
  const NetworkBook& book() const { return book_; }
  const GeneratedNetwork& generated() const { return generated_; }
  /// Kills every plugin that runs: the daemon ends, and what they did is taken up by the next.
  /// Blocks: as in open(). Thread: worker.
  void kill_plugins();
  /// As the configuration says, checked.
  const std::vector<cni::IpAddress>& dns_servers() const { return dns_servers_; }
  const std::string& default_network() const { return default_network_; }

  /// Everything that is attached or owed, by the result cache. Blocks: disk.
  Result<std::vector<AttachedName>> attached() const;
  const cni::ResultCache& cache() const { return *cache_; }

 private:
  struct Options;
  NetworkDesk(Options options, const config::Config& config, Host& host);
  bool is_generated_in_use() const;
  void on_change();

  Host& host_;
  std::string directory_;  // ROOT/cni
  std::string config_dir_;
  std::string default_network_;
  std::vector<cni::IpAddress> dns_servers_;
  GeneratedNetwork generated_;
  NetworkBook book_;
  PortTable ports_;
  Attacher attacher_;

  UniqueFd cache_dir_;
  std::optional<cni::ResultCache> cache_;
  std::optional<cni::PluginRunner> runner_;
  std::optional<Running> running_;
  UniqueFd inotify_;
  runtime::Watch watch_;
};

}  // namespace skerry::agent
