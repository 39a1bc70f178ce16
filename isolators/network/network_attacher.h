// What the network isolator needs of the daemon, and what pods use directly: the namespaces of a
// pod and its membership in networks, as one thing that is made and given back.
//
//   check ─► attach ─► (the pod lives) ─► detach
//               └ fails ─► owed(): what could not be taken back
#pragma once

#include <optional>
#include <stop_token>

#include "base/ids.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "isolators/network/network_settings.h"
#include "plan/plan.h"

namespace skerry::isolators {

struct AttachRequest {
  Uid uid;
  /// With CLONE_NEWNET among its namespaces, and the uid.
  plan::SandboxPlan sandbox;
  const NetworkSettings& settings;
  /// Kills the plugin that runs.
  std::stop_token stop = {};
};

struct AttachedSandbox {
  UniqueFd net;
  UniqueFd ipc;  ///< empty: the plan has none
  UniqueFd uts;  ///< empty: the plan has none
  NetworkRecord record;
  /// What the networks say about names.
  DnsWish dns;
};

class NetworkAttacher {
 public:
  NetworkAttacher() = default;
  NetworkAttacher(const NetworkAttacher&) = delete;
  NetworkAttacher& operator=(const NetworkAttacher&) = delete;
  virtual ~NetworkAttacher() = default;

  /// Whether attach() could succeed now: the networks are there with their plugins, and the ports
  /// free. Reserves nothing. Errors: NOT_FOUND, reason NETWORK_NOT_FOUND, naming those there are;
  /// FAILED_PRECONDITION, reasons CNI_PLUGIN_MISSING (naming the package), NETWORK_CANNOT,
  /// HOST_IP_UNKNOWN; ALREADY_EXISTS, reason PORT_TAKEN, naming the owner; INVALID_ARGUMENT,
  /// reason PORT_REPEATED. Blocks: disk (plugins are looked for). Thread: any.
  virtual Result<> check(const Uid& uid, const NetworkSettings& settings) const = 0;

  /// Makes the namespaces, reserves the ports, calls the plugins. What an earlier attempt of the
  /// same uid left behind is given back first. On an error everything has been taken back, but for
  /// what owed() tells. Errors: check()'s, the launcher's, cni::Runtime::attach()'s; CANCELLED.
  /// Blocks: up to the deadline of each network, twice. Thread: worker (foreign code).
  virtual Result<AttachedSandbox> attach(const AttachRequest& request) = 0;

  /// What the last attach() of that uid could not take back: the argument for detach(), which is
  /// owed. Thread: worker.
  virtual std::optional<NetworkRecord> owed(const Uid& uid) const = 0;

  /// Calls the plugins' DEL with what ADD was called with, drops the namespaces, frees the ports.
  /// Null: whatever bears the uid. What a later attempt has taken over is left alone; what is gone
  /// is fine. Errors: cni::Runtime::detach()'s, the launcher's; what failed can be tried again.
  /// Blocks: up to the deadline of each network. Thread: worker (foreign code). Idempotent.
  virtual Result<> detach(const Uid& uid, const NetworkRecord* record) = 0;
};

}  // namespace skerry::isolators
