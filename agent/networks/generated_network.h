// The network the daemon makes by itself: a bridge of its own, addresses from host-local, published
// ports, firewall rules.
//
// Its subnet is chosen when it is first used, free of what the host uses then, and remembered as
// the network list itself, in ROOT/cni/skerry.conflist: a file, because it has to outlive a lost
// state.db as the bridge and the leases do. Several daemons of a host choose one after the other,
// under a lock of the host's, and each makes its bridge with its address before it lets go: that is
// what the next one sees.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runtime/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "cni/ip_prefix.h"
#include "cni/network_list.h"

namespace skerry::agent {

constexpr std::string_view kGeneratedNetwork = "skerry";

/// Thread: any.
class GeneratedNetwork final {
 public:
  struct Options {
    std::string daemon_name;
    std::string directory;  ///< ROOT/cni, absolute
    std::vector<cni::IpPrefix> candidates;
    unsigned subnet_length = 20;
    /// Whether somebody is attached: then the subnet stays, whatever else uses it.
    std::function<bool()> in_use;
  };
  explicit GeneratedNetwork(Options options);

  /// Reads what was remembered. One that does not read is chosen anew; one the options do not want
  /// any more goes, unless it is in use. Blocks: disk, kernel.
  void load();
  /// The list as it will be, or would be: for looking at its plugins before there is a subnet.
  cni::NetworkList list() const;
  /// It has a subnet.
  bool is_chosen() const;
  const std::string& bridge() const { return bridge_; }
  std::string lease_directory() const;

  /// The list to attach by: with a subnet, and the bridge there. Errors: RESOURCE_EXHAUSTED, reason
  /// NO_SUBNET_LEFT; by errno. Blocks: kernel, disk, and another daemon of the host that chooses.
  /// Thread: worker.
  Result<cni::NetworkList> make_ready();

  /// Removes bridge, leases and memory of a network nobody is attached to. Errors:
  /// FAILED_PRECONDITION, reason NETWORK_IN_USE. Blocks: kernel, disk. Idempotent.
  Result<> destroy();

 private:
  Result<cni::NetworkList> choose(const std::optional<cni::IpPrefix>& previous) const;
  Result<cni::NetworkList> make_list(const cni::IpPrefix& subnet) const;
  bool is_wanted(const cni::IpPrefix& subnet) const;
  std::optional<cni::NetworkList> known() const;
  void remember(const cni::NetworkList& list);

  Options options_;
  std::string bridge_;
  mutable runtime::Mutex mutex_;
  std::optional<cni::NetworkList> known_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
