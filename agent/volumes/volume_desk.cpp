#include "agent/volumes/volume_desk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "base/ids.h"
#include "isolators/volumes/volumes.h"
#include "os/path.h"
#include "volumes/host/host_driver.h"
#include "volumes/local/local_driver.h"

namespace skerry::agent {
namespace {

constexpr std::size_t kHostIdBytes = 8;
constexpr std::size_t kMaxHostId = 64;
constexpr const char* kHostIdFile = ".host-id";
constexpr std::string_view kLocal = "local";

std::vector<std::string> strings(const std::vector<std::filesystem::path>& paths) {
  return {paths.begin(), paths.end()};
}

volumes::HostPathRules host_rules(const config::Config& config) {
  const bool has_own = config.volumes.host_paths.has_value();
  return {.allowed_prefixes = strings(has_own ? *config.volumes.host_paths : config.bind_sources),
          .config_key = has_own ? "volumes.host_paths" : "mounts.bind_sources"};
}

}  // namespace

Result<std::unique_ptr<VolumeDesk>> VolumeDesk::make(const config::Config& config) {
  auto desk = std::unique_ptr<VolumeDesk>(new VolumeDesk(config));
  auto paths = volumes::HostPaths::make(desk->paths_, desk->host_rules_);
  if (!paths) return std::move(paths).error().with_reason("CONFIG_INVALID");
  return desk;
}

VolumeDesk::VolumeDesk(const config::Config& config)
    : root_(config.root.string()),
      mount_deadline_(config.volumes.mount_deadline),
      unmount_deadline_(config.volumes.unmount_deadline),
      plugin_dirs_{.sockets = strings(config.volumes.plugin_socket_dirs),
                   .specs = strings(config.volumes.plugin_spec_dirs)},
      host_rules_(host_rules(config)),
      // Whoever waits is a thread of ours, and there are no more than these.
      lanes_(std::size_t{config.workers.threads} + config.workers.plugin_threads) {}

VolumeDesk::~VolumeDesk() = default;

void VolumeDesk::declare_failpoints(operations::FailpointRegistry& failpoints) {
  VolumeMounter::declare_failpoints(failpoints);
  for (const char* place : {"volume.created", "volume.remove", "volume.removed"}) {
    failpoints.declare(place);
  }
}

// --- opening --------------------------------------------------------------------------------

Result<> VolumeDesk::open(const Running& running) {
  running_.emplace(running);
  TRY(open_drivers());
  book_.emplace(VolumeBook::Parts{
      running.store, running.events, running.trace, running.clock, running.boot_id});
  TRY(book_->load());
  TRY(adopt_local_volumes());
  door_.emplace(running.reactor, running.store);
  tools_.emplace(VolumeTools{.drivers = *drivers_,
                             .lanes = lanes_,
                             .book = *book_,
                             .door = *door_,
                             .debts = running.debts,
                             .store = running.store,
                             .failpoints = running.failpoints,
                             .trace = running.trace,
                             .mount_deadline = mount_deadline_,
                             .unmount_deadline = unmount_deadline_,
                             .closing = closing_.get_token()});
  mounter_.open(*tools_);
  running.debts.handle(
      std::string(kDebtVolume),
      [this](const operations::Debt& debt) -> Result<> {
        TRY_ASSIGN(const volumes::VolumeKey key, decode_volume_key(debt.record));
        return mounter_.pay(key);
      },
      [](const operations::Debt& debt) -> std::vector<std::string> {
        const auto key = decode_volume_key(debt.record);
        if (!key || !is_foreign_driver(key->driver)) return {};
        return {isolators::volume_lane(key->driver)};
      });
  return {};
}

Result<> VolumeDesk::open_drivers() {
  TRY_ASSIGN(const UniqueFd root, os::open_dir(root_));
  TRY_ASSIGN(volumes::LocalDriver local, volumes::LocalDriver::open(root.get(), root_));
  TRY_ASSIGN(const auto swept, local.sweep());
  if (swept.left > 0) {
    running_->trace.warning("volumes that were removed cannot be deleted",
                            {{"count", std::to_string(swept.left)}});
  }
  TRY_ASSIGN(const UniqueFd directory, os::open_dir_at(root.get(), "volumes"));
  TRY_ASSIGN(std::string id, host_id(directory.get()));
  TRY_ASSIGN(volumes::HostPaths paths, volumes::HostPaths::make(paths_, host_rules_));
  std::vector<std::unique_ptr<volumes::VolumeDriver>> own;
  own.push_back(std::make_unique<volumes::LocalDriver>(std::move(local)));
  own.push_back(std::make_unique<volumes::HostDriver>(std::move(paths)));
  drivers_.emplace(std::move(own),
                   volumes::PluginSettings{.dirs = plugin_dirs_, .host_id = std::move(id)},
                   paths_);
  return {};
}

Result<std::string> VolumeDesk::host_id(int directory) {
  auto kept = os::read_file_at(directory, kHostIdFile, kMaxHostId);
  if (kept && volumes::check_volume_name(*kept)) return kept;
  if (!kept && kept.error().code() != Code::kNotFound) return kept;
  std::string fresh = random_hex(kHostIdBytes);
  TRY(os::write_file_atomic(directory, kHostIdFile, fresh, 0600));
  return fresh;
}

// Those of a lost state.db.
Result<> VolumeDesk::adopt_local_volumes() {
  TRY_ASSIGN(volumes::VolumeDriver* const local, drivers_->find(kLocal));
  TRY_ASSIGN(const auto found, local->list(volumes::CallLimits::within(mount_deadline_)));
  for (const volumes::VolumeInfo& info : found) {
    const VolumeId id = volume_id_of(info.name);
    if (!check_volume_id(id) || book_->find(id)) continue;
    running_->trace.warning("a volume without a record is adopted", {{"volume", id.str()}});
    TRY(book_->intend({.id = id}, {.driver = std::string(kLocal), .name = info.name}));
    TRY(book_->made(id));
  }
  return {};
}

void VolumeDesk::close() {
  closing_.request_stop();
  if (door_) door_->close();
}

// --- where work runs ------------------------------------------------------------------------

Result<> VolumeDesk::submit(const std::string& driver, runtime::Task task) {
  if (!is_foreign_driver(driver)) return running_->workers.submit(std::move(task));
  return running_->foreign.submit(std::move(task), {isolators::volume_lane(driver)});
}

std::string VolumeDesk::driver_of(const VolumeWish& wish) const {
  if (const auto record = book_->find(wish.id)) return record->driver;
  return wish.driver.empty() ? std::string(kLocal) : wish.driver;
}

std::string VolumeDesk::scope_of(const std::string& driver) const {
  const runtime::MutexLock lock(mutex_);
  const auto found = scopes_.find(driver);
  return found == scopes_.end() ? "" : found->second;
}

// --- recovery -------------------------------------------------------------------------------

void VolumeDesk::restore(const Uid& uid, std::string_view checkpoint) {
  const auto holding = isolators::decode_volume_holding(checkpoint);
  if (holding) mounter_.restore(uid, holding->attempt);
}

void VolumeDesk::adopt(const Uid& uid,
                       const std::string& tenant,
                       const std::vector<const isolators::VolumeMount*>& mounts) {
  for (const isolators::VolumeMount* mount : mounts) {
    const auto record = book_->match({.id = {.tenant = tenant, .name = mount->name},
                                      .driver = mount->driver,
                                      .options = mount->options});
    if (!record) continue;
    const auto known = book_->references(key_of(*record));
    if (known && known->consumers.contains(uid.str())) continue;
    const auto presumed = book_->presume(*record, uid);
    if (presumed) continue;
    running_->trace.error(
        "cannot record who uses a volume", presumed.error(), {{"volume", record->id.str()}});
  }
}

void VolumeDesk::sweep(const IsVolumeHolder& is_holder) {
  for (const auto& [key, references] : book_->all_references()) {
    std::string last;
    for (const std::string& consumer : references.consumers) {
      if (is_holder(consumer)) continue;
      last = consumer;
      const auto uid = Uid::parse(consumer);
      if (uid) static_cast<void>(book_->leave(key, *uid));
    }
    const auto now = book_->references(key);
    if (!now || !now->consumers.empty()) continue;
    store::Transaction transaction = running_->store.begin();
    running_->debts.add(transaction,
                        {.kind = std::string(kDebtVolume),
                         .key = key.str(),
                         .object = last,
                         .record = encode_volume_key(key),
                         .why = "left over"});
    const auto committed = transaction.commit();
    if (!committed) {
      running_->trace.error("cannot record what a volume is owed", committed.error());
    }
  }
}

std::vector<VolumeOrphan> VolumeDesk::orphans(
    const IsVolumeHolder& is_holder,
    const std::function<bool(const std::string& key)>& owed) const {
  std::vector<VolumeOrphan> out;
  const auto all = book_->all_references();
  // After the references: what was given back meanwhile is in neither.
  const auto in_flight = mounter_.in_flight();
  for (const auto& [key, references] : all) {
    for (const std::string& consumer : references.consumers) {
      if (!is_holder(consumer) && !in_flight.contains(key)) out.push_back({key, consumer});
    }
    if (references.consumers.empty() && !in_flight.contains(key) && !owed(key.str())) {
      out.push_back({key, {}});
    }
  }
  return out;
}

}  // namespace skerry::agent
