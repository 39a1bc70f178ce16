// The namespaces of a pod and its membership in networks: made, found again and given back.
//
//   attach   turn ─► ports ─► (what an earlier attempt left: detach) ─► sandbox ─► ADD, network by
//            └ any failure: DEL of all, sandbox dropped, ports freed                network
//   detach   turn ─► DEL, last network first ─► sandbox dropped ─► ports freed
//
// What has to be given back is on disk before the first plugin runs: the entry in the result cache
// (cni/runtime.h), which bears the uid. So whoever is killed when, detach() finds it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/networks/network_book.h"
#include "agent/networks/port_table.h"
#include "agent/operations/attempt_ledger.h"
#include "agent/operations/failpoint.h"
#include "agent/runtime/worker_pool.h"
#include "cni/runtime.h"
#include "isolators/network/network_attacher.h"

namespace skerry::agent {

class LauncherClient;
struct Host;

/// Thread: worker (foreign code), where nothing else is said; outlives its operations.
class Attacher final : public isolators::NetworkAttacher {
 public:
  struct Options {
    cni::PluginPaths paths;
    std::chrono::milliseconds attach_deadline{60'000};
    std::chrono::milliseconds detach_deadline{30'000};
  };
  /// What there is once the daemon runs.
  struct Running {
    int cache_dir = -1;  ///< the result cache, borrowed
    cni::PluginRunner& runner;
    const operations::FailpointRegistry& failpoints;
    runtime::WorkerPool& workers;
  };
  /// `host`: its launcher is used, once there is one.
  Attacher(Options options, Host& host, NetworkBook& book, PortTable& ports);

  /// Before the first attach() or detach().
  void open(const Running& running);

  static void declare_failpoints(operations::FailpointRegistry& failpoints);

  Result<> check(const Uid& uid, const isolators::NetworkSettings& settings) const override;
  Result<isolators::AttachedSandbox> attach(const isolators::AttachRequest& request) override;
  std::optional<isolators::NetworkRecord> owed(const Uid& uid) const override;
  Result<> detach(const Uid& uid, const isolators::NetworkRecord* record) override;

  /// What was attached before this daemon began. Thread: reactor.
  void restore(const Uid& uid, const std::string& owner, const isolators::NetworkRecord& record);

 private:
  struct Pending;
  Result<> attach_all(const isolators::AttachRequest& request, Pending& pending);
  Result<> attach_one(const isolators::AttachRequest& request,
                      const isolators::NetworkWish& wish,
                      Pending& pending);
  Error undo(const isolators::AttachRequest& request,
             const isolators::NetworkRecord& attached,
             Error error);
  Result<> detach_all(const Uid& uid, const std::vector<isolators::NetworkMembership>& networks);
  Result<> detach_one(const Uid& uid,
                      const isolators::NetworkMembership& one,
                      const std::string& netns);
  Result<std::vector<isolators::NetworkMembership>> recorded_of(
      const Uid& uid, const isolators::NetworkRecord* record) const;
  void note_owed(const Uid& uid, isolators::NetworkRecord record);
  void note_done(const Uid& uid);

  Options options_;
  Host& host_;
  NetworkBook& book_;
  PortTable& ports_;
  std::optional<Running> running_;
  std::optional<cni::Runtime> runtime_;
  operations::AttemptLedger ledger_;
  mutable runtime::Mutex mutex_;
  std::map<Uid, isolators::NetworkRecord> owed_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
