// Volumes given to containers and taken back.
//
//   acquire, volume by volume, in the volume's lane:
//     journal: the volume, and who uses it ─► create ─► stage ─► journal: where it is ─► publish
//       └ any failure: journal: used no more ─► unstage, or a debt
//   release, volume by volume:
//     journal: used no more ─► the last one: unstage ─► journal: not mounted
//                                               └ fails: a debt
//
// A driver is called only when what it may change is in the journal, for foreign ones on the disk.
// So whoever is killed when, the references say what may be mounted: those of containers that are
// gone are given back at the next start (VolumeDesk::sweep), and what is mounted for nobody is
// unmounted.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/operations/attempt_ledger.h"
#include "agent/runtime/mutex.h"
#include "agent/volumes/volume_tools.h"
#include "isolators/volumes/volume_provider.h"

namespace skerry::agent {

/// The debt of a volume that may be mounted for nobody: unstage. Key: "driver/name".
constexpr std::string_view kDebtVolume = "volume";

/// Thread: worker (foreign code), where nothing else is said; outlives its operations.
class VolumeMounter final : public isolators::VolumeProvider {
 public:
  /// Before any other call but is_foreign(). `tools` outlives all of them.
  void open(const VolumeTools& tools) { tools_ = &tools; }

  static void declare_failpoints(operations::FailpointRegistry& failpoints);

  Result<> check(const std::string& tenant, const isolators::VolumeMount& mount) const override;
  std::optional<std::string> foreign_driver(const std::string& tenant,
                                            const isolators::VolumeMount& mount) const override;
  bool is_foreign(const std::string& driver) const override { return is_foreign_driver(driver); }
  Result<isolators::AcquiredVolumes> acquire(const isolators::VolumeRequest& request) override;
  bool holds(const Uid& uid) const override;
  Result<> release(const Uid& uid, const isolators::VolumeHolding* holding) override;

  /// Unmounts the volume, if it is mounted for nobody. Errors: the driver's. Idempotent.
  Result<> pay(const volumes::VolumeKey& key);

  /// Which attempt held its volumes when this daemon began. Thread: reactor.
  void restore(const Uid& uid, const std::string& attempt) { ledger_.begin(uid, attempt); }

  /// Volumes that are being given back now. Thread: any.
  std::set<volumes::VolumeKey> in_flight() const;

 private:
  struct Visit;
  Result<volumes::Published> use(const isolators::VolumeRequest& request,
                                 const isolators::VolumeMount& mount,
                                 int cancel_fd,
                                 volumes::VolumeKey& key);
  Result<volumes::Published> bring(Visit& visit);
  Result<volumes::Staged> stage(Visit& visit);
  Result<volumes::Staged> stage_once(Visit& visit);
  Result<volumes::Published> publish(Visit& visit, const volumes::Staged& staged);
  Result<> mend(Visit& visit, const std::optional<volumes::Staged>& staged);
  void take_back(const Visit& visit, const Error& error);
  Result<> give_back(const Uid& uid);
  Result<> give_back_one(const volumes::VolumeKey& key, const Uid& uid);
  Result<> unstage_in_lane(const volumes::VolumeKey& key, const volumes::CallLimits& limits);
  Result<> owe(const volumes::VolumeKey& key, const Uid& uid, const Error& error);

  const VolumeTools* tools_ = nullptr;
  operations::AttemptLedger ledger_;
  mutable runtime::Mutex mutex_;
  std::multiset<volumes::VolumeKey> in_flight_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
