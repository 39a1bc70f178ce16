#include "agent/recovery/recovery.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <variant>

#include "agent/containers/launch.h"
#include "agent/networks/orphans.h"
#include "agent/recovery/directory_names.h"
#include "isolators/network/network.h"
#include "isolators/volumes/volumes.h"
#include "os/path.h"
#include "os/poll.h"
#include "os/socket.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;
using launcher::ShimState;

// For all shims together: a live one answers at once, or hangs in the kernel.
constexpr auto kHelloDeadline = 5s;
constexpr std::size_t kMaxRecordBytes = 16ULL << 20U;
constexpr auto kKillDeadline = 10s;

// Opens a group that is there. In a hierarchy the host did not have when the group was made, it is
// made now: it could be neither joined nor ended otherwise.
Result<std::unique_ptr<os::Cgroup>> open_completed(os::CgroupManager& cgroups,
                                                   const os::CgroupPath& path) {
  auto group = cgroups.open(path);
  if (group || group.error().code() != Code::kNotFound) return group;
  return cgroups.make_leaf(path);
}

}  // namespace

void Recovery::declare_failpoints(operations::FailpointRegistry& failpoints) {
  for (const char* phase :
       {"recovery.load", "recovery.catch-up", "recovery.resume", "recovery.sweep"}) {
    failpoints.declare(phase);
  }
}

Result<> Recovery::run() {
  parts_.containers.register_debts();
  TRY(parts_.failpoints.hit("recovery.load"));
  TRY(load_records());
  parts_.containers.forget_removed();
  adopt_lost_records();
  TRY(parts_.failpoints.hit("recovery.catch-up"));
  catch_up();
  TRY(parts_.failpoints.hit("recovery.resume"));
  TRY(resume_operations());
  TRY(parts_.failpoints.hit("recovery.sweep"));
  sweep();
  // The first call may come before the reactor's first turn, and must not find an empty host.
  parts_.containers.end_turn();
  return {};
}

// --- coldplug -------------------------------------------------------------------------------

Result<> Recovery::load_records() {
  TRY_ASSIGN(const auto loaded, parts_.store.containers());
  for (const store::BadRecord& bad : loaded.bad) {
    parts_.trace.warning("a damaged record was put into quarantine",
                         {{"table", bad.table}, {"key", bad.key}, {"why", bad.why}});
  }
  for (const store::ContainerRow& row : loaded.rows) {
    auto record = decode_record(row.record);
    if (record && record->container().uid() == row.uid.str()) {
      restore(std::move(*record));
      continue;
    }
    store::Transaction transaction = parts_.store.begin();
    transaction.quarantine_container(row.uid, "the record does not decode");
    TRY(transaction.commit());
    parts_.trace.warning("a damaged record was put into quarantine",
                         {{"container", row.uid.str()}});
  }
  return {};
}

// With state.db lost, or a record of it damaged, the run directory still says what runs.
void Recovery::adopt_lost_records() {
  const int run = parts_.host.directories.run_containers.get();
  for (const std::string& name : directory_names(run)) {
    const auto uid = Uid::parse(name);
    if (!uid || parts_.containers.find(*uid) != nullptr) continue;
    const auto directory = os::open_dir_at(run, name);
    if (!directory) continue;
    const auto bytes = os::read_file_at(directory->get(), "record", kMaxRecordBytes);
    if (!bytes) continue;
    auto record = decode_record(*bytes);
    if (!record || record->container().uid() != name) continue;
    const skerry::v1::Container& api = record->container();
    if (parts_.containers.by_id_.contains({api.tenant(), api.id()})) continue;
    parts_.trace.warning("adopting a container whose record was lost", {{"container", name}});
    restore(std::move(*record));
    adopt_volumes(*parts_.containers.find(*uid));
  }
}

void Recovery::restore(Record record) {
  auto container = std::make_unique<Container>();
  container->uid = *Uid::parse(record.container().uid());
  container->record = std::move(record);
  auto restored = restore_spec(*container);
  if (!restored) {
    // It stays readable and killable; starting it again will say what is wrong.
    parts_.trace.error("a container's spec is not acceptable any more",
                       restored.error(),
                       {{"container", container->uid.str()}});
  }
  restore_networks(*container);
  restore_volumes(*container);
  container->log_complete = container->state() == State::kExited;
  Container& inserted = parts_.containers.insert(std::move(container));
  parts_.containers.changed(inserted);
}

Result<> Recovery::restore_spec(Container& container) {
  const skerry::v1::Container& api = container.api();
  isolators::ContainerConfig& config = container.spec.config;
  auto checked = check_spec(api.spec(), parts_.config);
  if (checked) container.spec = std::move(*checked);
  config.uid = container.uid;
  config.tenant = api.tenant();
  config.root.scratch = parts_.host.directories.root + "/containers/" + container.uid.str();
  parts_.containers.restore_seat(container);
  if (config.hostname.empty() && config.network != isolators::NetworkMode::kHost) {
    config.hostname = container.uid.str().substr(0, 12);
  }
  config.network_settings.owner = "container " + api.id();
  if (!checked) return std::move(checked).error();
  if (api.image_content_id().empty()) return {};
  TRY_ASSIGN(ResolvedImage image, parts_.containers.parts_.resolve_image(api.image_content_id()));
  config.root.layers = std::move(image.layers);
  return {};
}

// Before anything is released: who holds which ports and attachments.
void Recovery::restore_networks(Container& container) const {
  if (container.api().released()) return;
  for (const auto& checkpoint : container.record.checkpoints()) {
    if (checkpoint.isolator() != isolators::kNetworkIsolator || checkpoint.bytes().empty())
      continue;
    const auto record = isolators::decode_network_record(checkpoint.bytes());
    if (!record) continue;
    parts_.host.networks->attacher().restore(
        container.uid, "container " + container.api().id(), *record);
  }
}

void Recovery::restore_volumes(const Container& container) const {
  if (container.api().released()) return;
  for (const auto& checkpoint : container.record.checkpoints()) {
    if (checkpoint.isolator() != isolators::kVolumesIsolator || checkpoint.bytes().empty())
      continue;
    parts_.host.volumes->restore(container.uid, checkpoint.bytes());
  }
}

// The launch record is older than the checkpoint: the spec says what may be in use.
void Recovery::adopt_volumes(const Container& container) const {
  if (container.api().released()) return;
  std::vector<const isolators::VolumeMount*> mounts;
  for (const isolators::Mount& mount : container.spec.config.mounts) {
    const auto* volume = std::get_if<isolators::VolumeMount>(&mount);
    if (volume != nullptr) mounts.push_back(volume);
  }
  parts_.host.volumes->adopt(container.uid, container.api().tenant(), mounts);
}

// --- catch up -------------------------------------------------------------------------------

void Recovery::catch_up() {
  std::vector<Knock> doors;
  for (const auto& [uid, container] : parts_.containers.containers()) {
    if (container->state() == State::kExited) continue;
    doors.push_back(knock(*container));
  }
  const SteadyTime deadline = std::chrono::steady_clock::now() + kHelloDeadline;
  for (Knock& door : doors) {
    if (door.socket) {
      adopt(std::move(door), deadline);
    } else {
      bury(*door.container);
    }
  }
}

Recovery::Knock Recovery::knock(Container& container) const {
  Knock door{.container = &container, .socket = {}};
  if (container.record.boot_id() != parts_.host.facts.boot_id) return door;
  auto directory =
      os::open_dir_at(parts_.host.directories.run_containers.get(), container.uid.str());
  if (!directory) return door;
  auto socket = os::connect_at(directory->get(), "shim.sock");
  if (socket) door.socket = std::move(*socket);
  return door;
}

void Recovery::adopt(Knock door, SteadyTime deadline) {
  Container& container = *door.container;
  const auto answered = os::wait_readable(door.socket.get(), deadline);
  if (!answered || !*answered) return bury(container);
  auto hello = receive_from_shim(door.socket.get());
  if (!hello || hello->packet.type != launcher::ShimMessage::kHello || hello->fds.empty()) {
    return bury(container);
  }
  auto shim = os::open_process(hello->packet.shim_pid);
  if (!shim) return bury(container);
  container.shim_pidfd = std::move(shim->pidfd);
  container.process.pid = hello->packet.pid;
  container.process.start_ticks = hello->packet.start_ticks;
  container.process.pidfd = std::move(hello->fds.front());
  auto group = open_completed(*parts_.host.cgroups, container.api().cgroup_path());
  if (group) container.cgroup = std::move(*group);

  const State from = container.state();
  const ShimState shim_state = hello->packet.state;
  if (shim_state == ShimState::kCreated && from == State::kPreparing) {
    set_state(container.record, State::kCreated);
  } else if (shim_state == ShimState::kRunning &&
             (from == State::kPreparing || from == State::kStarting)) {
    set_state(container.record, State::kRunning);
    if (!container.api().has_started_at()) {
      *container.api().mutable_started_at() = to_timestamp(parts_.clock.wall());
    }
  }
  container.api().set_pid(static_cast<std::uint32_t>(hello->packet.pid));
  if (container.state() != from) {
    parts_.containers.record_fact(container, parts_.containers.state_event(container, from));
  }
  parts_.containers.attach_shim(container, std::move(door.socket));
  parts_.containers.begin_oom_watch(container, 0s);
  parts_.containers.changed(container);
  if (container.state() == State::kStopping) parts_.containers.kill_all(container);
  // What it had let go before the daemon ended, it lets go again: the shim may not have heard it.
  if (container.state() == State::kStarting && shim_state == ShimState::kCreated &&
      container.shim) {
    static_cast<void>(container.shim->send(launcher::ShimMessage::kStart));
  }
}

// Nobody answers for it: it has ended, one way or the other.
void Recovery::bury(Container& container) {
  PendingExit exit{.time = parts_.clock.wall(), .launch_error = {}};
  container.log_complete = true;
  const bool this_boot = container.record.boot_id() == parts_.host.facts.boot_id;
  const auto recorded = read_recorded_exit(parts_.host.directories, container.uid);
  const State state = container.state();
  if (recorded && is_of_attempt(*recorded, container.api().attempt())) {
    exit.status_known = true;
    exit.status = (*recorded)->status;
    exit.time = WallTime(std::chrono::nanoseconds((*recorded)->time_ns));
    container.api().set_log_dropped_bytes((*recorded)->log_dropped);
    // systemd kills what is in the scope one by one, so a shim may live to record that its
    // container was killed: by the end of the host all the same.
    exit.host_shutdown = !this_boot && parts_.store.opening().clean && WIFSIGNALED(exit.status) &&
                         (WTERMSIG(exit.status) == SIGKILL || WTERMSIG(exit.status) == SIGTERM);
  } else if (!this_boot) {
    exit.host_reboot = true;
    exit.host_shutdown = parts_.store.opening().clean;
  } else if (state == State::kAccepted || state == State::kPreparing) {
    exit.launch_error = Error(Code::kAborted, "the daemon ended while the container was launched")
                            .with_reason("DAEMON_RESTARTED")
                            .as_retryable();
  } else {
    exit.shim_lost = true;
  }
  if (this_boot) {
    // Also a shim that is there and mute: its container dies with the cgroup, it with its child.
    auto killed = kill_and_wait(*parts_.host.cgroups, container.api().cgroup_path(), kKillDeadline);
    if (!killed) {
      parts_.trace.error("cannot empty a container's cgroup",
                         killed.error(),
                         {{"container", container.uid.str()}});
    }
    auto group = parts_.host.cgroups->open(container.api().cgroup_path());
    if (group) container.cgroup = std::move(*group);
  }
  parts_.containers.on_exit(container, exit);
}

// --- what was under way ---------------------------------------------------------------------

Result<> Recovery::resume_operations() {
  TRY_ASSIGN(const auto loaded, parts_.store.operations());
  for (const store::OperationRow& row : loaded.rows) {
    Container* container = parts_.containers.find(row.uid);
    if (container != nullptr && row.operation == "remove") container->remove_requested = true;
    // Launches were settled by catching up, releases are seen by what is not released. This run's
    // own releases have begun already, under the same key: theirs must stay.
    if (container != nullptr && container->releasing && row.operation == "release") continue;
    store::Transaction transaction = parts_.store.begin();
    transaction.remove_operation(row.uid, row.operation);
    TRY(transaction.commit());
  }
  std::vector<Container*> exited;
  for (const auto& [uid, container] : parts_.containers.containers()) {
    if (container->state() == State::kExited) exited.push_back(container.get());
  }
  for (Container* container : exited) parts_.containers.plan_removal(*container);
  return {};
}

// --- sweep ----------------------------------------------------------------------------------

void Recovery::sweep() {
  sweep_networks();
  sweep_volumes();
  sweep_cgroups();
  sweep_directories();
}

void Recovery::sweep_cgroups() {
  sweep_cgroups_in(parts_.host.parent);
  // Where an earlier configuration put them.
  if (parts_.host.parent != parts_.host.scope) sweep_cgroups_in(parts_.host.scope);
  for (const os::CgroupPath& pod : parts_.pods.cgroups()) sweep_cgroups_in(pod);
}

void Recovery::sweep_cgroups_in(const os::CgroupPath& parent) {
  const auto names = parts_.host.cgroups->children(parent);
  if (!names) return;
  for (const std::string& name : *names) {
    const auto uid = Uid::parse(name);
    // Only what bears a uid is a container's or a pod's.
    if (!uid || parts_.pods.holds(*uid)) continue;
    const os::CgroupPath path = parent + "/" + name;
    const Container* container = parts_.containers.find(*uid);
    if (container != nullptr) {
      // Given back while a hierarchy was not there to be seen; what does not go is owed already.
      const bool is_over = container->state() == State::kExited && container->api().released();
      if (is_over) static_cast<void>(parts_.host.cgroups->remove(path));
      continue;
    }
    parts_.trace.notice("removing a cgroup of nobody", {{"cgroup", path}});
    auto opened = open_completed(*parts_.host.cgroups, path);
    Result<> swept = opened ? Result<>() : Result<>(std::move(opened).error());
    if (swept) swept = kill_and_wait(*parts_.host.cgroups, path, kKillDeadline);
    if (swept) swept = parts_.host.cgroups->remove(path);
    if (!swept) parts_.trace.error("cannot remove a left-over cgroup", swept.error());
  }
}

// What no container holds is owed from here on: visible, and tried until it is done.
void Recovery::sweep_networks() {
  NetworkDesk& desk = *parts_.host.networks;
  const auto nameless = drop_nameless_addresses(desk);
  if (!nameless) parts_.trace.error("cannot give back nameless leases", nameless.error());
  if (nameless) {
    for (const cni::IpAddress& address : *nameless) {
      parts_.trace.notice("gave back a lease of nobody", {{"address", address.str()}});
    }
  }
  const auto is_holder = [this](const std::string& text) { return holds_anything(text); };
  const auto orphans = find_network_orphans(desk, parts_.host.launcher.get(), is_holder);
  for (const OwedDetach& owed : claim_orphans(desk, *parts_.host.launcher, orphans)) {
    const isolators::Checkpoint checkpoint{.isolator = std::string(isolators::kNetworkIsolator),
                                           .version = 1,
                                           .bytes = encode_network_record(owed.record)};
    store::Transaction transaction = parts_.store.begin();
    parts_.containers.parts_.debts.add(transaction,
                                       isolator_debt(owed.uid, checkpoint, "left over"));
    auto committed = transaction.commit();
    if (!committed) parts_.trace.error("cannot record what a network is owed", committed.error());
  }
}

void Recovery::sweep_volumes() {
  parts_.host.volumes->sweep([this](const std::string& text) { return holds_anything(text); });
}

bool Recovery::holds_anything(const std::string& text) const {
  const auto uid = Uid::parse(text);
  const Container* container = uid ? parts_.containers.find(*uid) : nullptr;
  if (container != nullptr) return !container->api().released();
  return uid.has_value() && parts_.pods.holds(*uid);
}

void Recovery::sweep_directories() {
  const Directories& directories = parts_.host.directories;
  for (const std::string& name : directory_names(directories.run_containers.get())) {
    const auto uid = Uid::parse(name);
    if (uid && parts_.containers.find(*uid) != nullptr) continue;
    static_cast<void>(os::remove_tree(directories.run_containers.get(), name));
  }
  for (const std::string& name : directory_names(directories.containers.get())) {
    const auto uid = Uid::parse(name);
    if (uid && parts_.containers.find(*uid) != nullptr) continue;
    static_cast<void>(
        os::rename_to_trash(directories.containers.get(), name, directories.trash.get()));
  }
  for (const std::string& name : directory_names(directories.trash.get())) {
    parts_.containers.trash().collect(name);
  }
}

}  // namespace skerry::agent
