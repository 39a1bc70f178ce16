// The volumes of this daemon: which there are, who uses them, what keeps them. The one door for the
// rest of the daemon; the parts behind it are in this folder.
//
//   book      volumes and references, in state.db       mounter   volumes for containers
//   drivers   ours and plugins (volumes/)               inquiry   what only the drivers know
//
// On disk: ROOT/volumes, see volumes/local/local_driver.h, and in it .host-id, this host's part of
// the ids that plugins are given: it has to outlive a lost state.db, or nothing mounted before
// could be unmounted after.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/containers/snapshot.h"
#include "agent/operations/operation_table.h"
#include "agent/runtime/laned_pool.h"
#include "agent/runtime/worker_pool.h"
#include "agent/volumes/volume_mounter.h"
#include "agent/volumes/volume_tools.h"
#include "os/foreign_path.h"
#include "volumes/host/host_paths.h"

namespace skerry::agent {

/// Whether a container of that uid holds its volumes, or is about to.
using IsVolumeHolder = std::function<bool(const std::string& uid)>;

/// What is kept for nobody.
struct VolumeOrphan {
  volumes::VolumeKey key;
  std::string uid;  ///< of the container that is gone; empty: mounted for nobody
};

/// Outlives every operation. Thread: any, where nothing else is said.
class VolumeDesk final {
 public:
  /// Touches nothing. Errors: INVALID_ARGUMENT, reason CONFIG_INVALID.
  static Result<std::unique_ptr<VolumeDesk>> make(const config::Config& config);
  VolumeDesk(const VolumeDesk&) = delete;
  VolumeDesk& operator=(const VolumeDesk&) = delete;
  ~VolumeDesk();

  struct Running {
    runtime::Reactor& reactor;
    runtime::WorkerPool& workers;
    runtime::LanedPool& foreign;
    runtime::Trace& trace;
    const Clock& clock;
    store::Store& store;
    events::EventLog& events;
    operations::OperationTable& table;
    operations::DebtKeeper& debts;
    const operations::FailpointRegistry& failpoints;
    const SnapshotBoard& board;
    std::string boot_id;
  };
  /// Makes its directory, deletes what removals left there, reads what is recorded, takes local
  /// volumes that are not; before any other call. Thread: reactor. Blocks: disk.
  Result<> open(const Running& running);
  /// The daemon ends: calls to drivers are given up, and nothing is recorded any more. The reactor
  /// turns no more. Thread: reactor.
  void close();

  static void declare_failpoints(operations::FailpointRegistry& failpoints);

  VolumeMounter& mounter() { return mounter_; }
  const VolumeBook& book() const { return *book_; }
  const volumes::Drivers& drivers() const { return *drivers_; }
  /// "local" or "global"; empty when the driver was not asked yet.
  std::string scope_of(const std::string& driver) const;

  /// Runs `task` where the driver's code may run: in its lane, if it is foreign. Errors: as
  /// LanedPool::submit(). Blocks: never.
  Result<> submit(const std::string& driver, runtime::Task task);
  /// The driver that create() or remove() will call. Blocks: never.
  std::string driver_of(const VolumeWish& wish) const;

  /// Requests, as VolumeService documents them. Blocks: up to the deadlines of the configuration.
  /// Thread: worker, by submit().
  Result<VolumeEntry> create(VolumeWish wish);
  Result<> remove(const VolumeId& id);

  struct Found {
    std::vector<std::pair<std::string, volumes::VolumeInfo>> volumes;  ///< with their drivers
    std::vector<std::string> silent;                                   ///< drivers, sorted
  };
  /// Asks every driver for its volumes, for a few seconds; `done` is called once, on any thread.
  void ask_drivers(std::function<void(Found)> done);

  // Recovery. Thread: reactor.

  /// A container of an earlier life that holds its volumes, as its checkpoint says.
  void restore(const Uid& uid, std::string_view checkpoint);
  /// One that runs, and whose record was lost: what its spec names, it may have mounted.
  void adopt(const Uid& uid,
             const std::string& tenant,
             const std::vector<const isolators::VolumeMount*>& mounts);
  /// Gives back what containers held that are gone; what is mounted for nobody is owed from here
  /// on.
  void sweep(const IsVolumeHolder& is_holder);

  /// What sweep() would find, but for what is being given back and for `owed`: keys of debts.
  std::vector<VolumeOrphan> orphans(const IsVolumeHolder& is_holder,
                                    const std::function<bool(const std::string& key)>& owed) const;

 private:
  struct Inquiry;
  explicit VolumeDesk(const config::Config& config);
  Result<> open_drivers();
  Result<> adopt_local_volumes();
  static Result<std::string> host_id(int directory);
  Result<> create_missing(const VolumeWish& wish, const volumes::VolumeKey& key);
  Result<> make_one(const VolumeRecord& record,
                    volumes::VolumeDriver& driver,
                    const volumes::CallLimits& limits);
  Result<> remove_in_lane(const VolumeRecord& record,
                          volumes::VolumeDriver& driver,
                          const volumes::CallLimits& limits);
  Result<> check_free(const VolumeRecord& record) const;
  void ask_scope(volumes::VolumeDriver& driver);
  void ask_one(const std::shared_ptr<Inquiry>& inquiry, const std::string& driver);

  std::string root_;
  std::chrono::milliseconds mount_deadline_;
  std::chrono::milliseconds unmount_deadline_;
  volumes::PluginDirs plugin_dirs_;
  volumes::HostPathRules host_rules_;
  os::ForeignPaths paths_;
  volumes::Lanes lanes_;
  std::stop_source closing_;
  VolumeMounter mounter_;

  std::optional<Running> running_;
  std::optional<volumes::Drivers> drivers_;
  std::optional<VolumeBook> book_;
  std::optional<ReactorDoor> door_;
  std::optional<VolumeTools> tools_;
  mutable runtime::Mutex mutex_;
  std::map<std::string, std::string> scopes_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
