// Pods after a restart of the daemon. First exactly what was saved, before the containers, which
// ask for their seats; then what has happened meanwhile, when the containers are known again.
//
//   ready, this boot    its init answers (or it has none) ─► ready
//                       it does not ─► INIT_LOST
//   ready, another boot ─► HOST_REBOOT
//   being made          ─► CREATE_FAILED; whatever was made is given back
//   stopping            ─► goes on

#include "agent/containers/launch.h"
#include "agent/containers/record.h"
#include "agent/networks/network_status.h"
#include "agent/pods/manager.h"
#include "agent/recovery/directory_names.h"
#include "base/check.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kTombstoneLife = std::chrono::days(1);
constexpr auto kForgetEvery = 1h;
constexpr auto kHelloDeadline = 2s;
constexpr auto kLauncherDeadline = 10s;
constexpr std::size_t kMaxRecordBytes = 4ULL << 20U;

}  // namespace

// --- coldplug -------------------------------------------------------------------------------

Result<> PodManager::load() {
  TRY(parts_.failpoints.hit("recovery.pods-load"));
  TRY_ASSIGN(const auto loaded, parts_.store.objects());
  for (const store::ObjectRow& row : loaded.rows) {
    if (row.kind == kPodTombstoneKind) TRY(load_tombstone(row));
    if (row.kind != kPodKind) continue;
    auto record = decode_pod_record(row.record);
    if (record && record->pod().uid() == row.key) {
      restore(std::move(*record));
      continue;
    }
    store::Transaction transaction = parts_.store.begin();
    transaction.quarantine_object(kPodKind, row.key, "the record does not decode");
    TRY(transaction.commit());
    parts_.trace.warning("a damaged record was put into quarantine", {{"pod", row.key}});
  }
  forget_removed();
  adopt_lost_records();
  return {};
}

Result<> PodManager::load_tombstone(const store::ObjectRow& row) {
  const auto tombstone = decode_pod_tombstone(row.record);
  if (tombstone) {
    removed_ids_[{tombstone->tenant(), tombstone->id()}] = from_timestamp(tombstone->removed_at());
    return {};
  }
  store::Transaction transaction = parts_.store.begin();
  transaction.remove_object(kPodTombstoneKind, row.key);
  return transaction.commit();
}

void PodManager::forget_removed() {
  forget_timer_ = parts_.reactor.after(kForgetEvery, [this] { forget_removed(); });
  const WallTime oldest = parts_.clock.wall() - kTombstoneLife;
  store::Transaction transaction = parts_.store.begin();
  std::vector<std::pair<std::string, std::string>> forgotten;
  for (const auto& [id, at] : removed_ids_) {
    if (at >= oldest) continue;
    transaction.remove_object(kPodTombstoneKind, tombstone_key(id.first, id.second));
    forgotten.push_back(id);
  }
  const auto committed = transaction.commit();
  if (!committed) {
    return parts_.trace.error("cannot forget the ids of removed pods", committed.error());
  }
  for (const auto& id : forgotten) removed_ids_.erase(id);
}

// With state.db lost, or a record of it damaged, the run directory still says what there is.
void PodManager::adopt_lost_records() {
  const int run = parts_.host.directories.run_pods.get();
  for (const std::string& name : directory_names(run)) {
    const auto uid = Uid::parse(name);
    if (!uid || find(*uid) != nullptr) continue;
    const auto directory = os::open_dir_at(run, name);
    if (!directory) continue;
    const auto bytes = os::read_file_at(directory->get(), "record", kMaxRecordBytes);
    if (!bytes) continue;
    auto record = decode_pod_record(*bytes);
    if (!record || record->pod().uid() != name) continue;
    if (by_id_.contains({record->pod().tenant(), record->pod().id()})) continue;
    parts_.trace.warning("adopting a pod whose record was lost", {{"pod", name}});
    restore(std::move(*record));
  }
}

void PodManager::restore(PodRecord record) {
  auto pod = std::make_unique<Pod>();
  pod->uid = *Uid::parse(record.pod().uid());
  pod->record = std::move(record);
  auto checked = check_pod_spec(pod->api().spec(), parts_.config);
  if (checked) {
    pod->spec = std::move(*checked);
  } else {
    // It stays readable, and can be stopped and removed.
    parts_.trace.error(
        "a pod's spec is not acceptable any more", checked.error(), {{"pod", pod->uid.str()}});
  }
  pod->spec.settings.owner = "pod " + pod->api().id();
  if (pod->holds() && !pod->record.network().empty()) {
    const auto network = isolators::decode_network_record(pod->record.network());
    if (network) {
      parts_.host.networks->attacher().restore(pod->uid, pod->spec.settings.owner, *network);
    }
  }
  changed(insert(std::move(pod)));
}

// --- catch up -------------------------------------------------------------------------------

Result<> PodManager::recover() {
  TRY(parts_.failpoints.hit("recovery.pods"));
  std::vector<Uid> uids;
  uids.reserve(pods_.size());
  for (const auto& [uid, pod] : pods_) uids.push_back(pod->uid);
  for (const Uid& uid : uids) catch_up(*find(uid));
  sweep();
  // The first call may come before the reactor's first turn.
  end_turn();
  return {};
}

void PodManager::catch_up(Pod& pod) {
  switch (pod.state()) {
    case PodState::kAccepted:
    case PodState::kPreparing:
      record_error(pod,
                   Error(Code::kAborted, "the daemon ended while the pod was made")
                       .with_reason("DAEMON_RESTARTED")
                       .as_retryable());
      return begin_stop(pod, {.cause = skerry::v1::POD_STOP_CAUSE_CREATE_FAILED, .message = {}});
    case PodState::kReady:
      if (pod.record.boot_id() == parts_.host.facts.boot_id) return adopt(pod);
      return begin_stop(
          pod, {.cause = skerry::v1::POD_STOP_CAUSE_HOST_REBOOT, .message = "the host went down"});
    case PodState::kStopping:
      return stop_next(pod);
    case PodState::kStopped:
      return plan_removal(pod);
  }
}

void PodManager::adopt(Pod& pod) {
  auto group = parts_.host.cgroups->open(pod.api().cgroup_path());
  if (group) pod.cgroup = std::move(*group);
  if (pod.spec.needs_init()) {
    ShimDoor door =
        knock_at_shim(parts_.host.directories.run_pods.get(), pod.uid.str(), kHelloDeadline);
    if (!door.socket || door.hello.fds.empty()) return on_init_gone(pod);
    pod.init.pid = door.hello.packet.pid;
    pod.init.start_ticks = door.hello.packet.start_ticks;
    pod.init.pidfd = std::move(door.hello.fds.front());
    // One that has ended is told of by its watch.
    return watch_init(pod);
  }
  if (pod.spec.namespaces() == 0) return;
  const auto sandbox = parts_.host.launcher->get_sandbox(pod.uid, kLauncherDeadline);
  // A holder that is new. Who is inside stays inside: their pod lives on as long as they do.
  const bool gone = !sandbox && sandbox.error().code() == Code::kNotFound;
  const auto all = members(pod.uid);
  const bool inhabited = std::ranges::any_of(
      all, [](const Container* container) { return is_live(container->state()); });
  if (gone && !inhabited) on_init_gone(pod);
}

// --- sweep ----------------------------------------------------------------------------------

// Groups and networks of nobody were found with those of containers.
void PodManager::sweep() {
  const Directories& directories = parts_.host.directories;
  for (const std::string& name : directory_names(directories.run_pods.get())) {
    const auto uid = Uid::parse(name);
    if (uid && holds(*uid)) continue;
    static_cast<void>(os::remove_tree(directories.run_pods.get(), name));
  }
  for (const std::string& name : directory_names(directories.pods.get())) {
    const auto uid = Uid::parse(name);
    if (uid && find(*uid) != nullptr) continue;
    const auto trash = os::rename_to_trash(directories.pods.get(), name, directories.trash.get());
    if (trash) parts_.containers.trash().collect(*trash);
  }
}

}  // namespace skerry::agent
