// Execs after a restart of the daemon: what RUN/execs holds is taken up, what nobody owns removed.
// Before the reactor turns, after the containers' own recovery.

#include <signal.h>

#include <cerrno>

#include <fmt/format.h>

#include "agent/containers/launch.h"
#include "agent/containers/record.h"
#include "agent/execs/manager.h"
#include "agent/recovery/directory_names.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;
using launcher::ShimState;

constexpr auto kHelloDeadline = 2s;
constexpr auto kKillDeadline = 10s;
constexpr std::size_t kMaxRecordBytes = 4ULL << 20U;
constexpr std::string_view kLeafPrefix = "x-";

Result<record::ExecRecord> read_record(const Directories& directories, const Uid& uid) {
  TRY_ASSIGN(const UniqueFd run, os::open_dir_at(directories.run_execs.get(), uid.str()));
  TRY_ASSIGN(const std::string bytes, os::read_file_at(run.get(), "record", kMaxRecordBytes));
  record::ExecRecord record;
  if (!record.ParseFromString(bytes) || record.exec().uid() != uid.str() ||
      !Uid::parse(record.exec().container_uid())) {
    return Error(Code::kDataLoss, "the record does not decode").with_reason("RECORD_DAMAGED");
  }
  return record;
}

}  // namespace

struct ExecDoor : ShimDoor {};

namespace {

ExecDoor knock(const Directories& directories, const Uid& uid) {
  return {knock_at_shim(directories.run_execs.get(), uid.str(), kHelloDeadline)};
}

}  // namespace

Result<> ExecManager::recover() {
  TRY(parts_.failpoints.hit("recovery.execs"));
  for (const std::string& name : directory_names(parts_.host.directories.run_execs.get())) {
    const auto uid = Uid::parse(name);
    if (uid) {
      restore(*uid);
    } else {
      static_cast<void>(remove_exec_directory(parts_.host.directories, name));
    }
  }
  sweep_leaves();
  // The first call may come before the reactor's first turn.
  end_turn();
  return {};
}

void ExecManager::restore(const Uid& uid) {
  auto record = read_record(parts_.host.directories, uid);
  if (!record || record->boot_id() != parts_.host.facts.boot_id) return discard(uid, {});
  const auto container = Uid::parse(record->exec().container_uid());
  // One whose call died with the daemon, or whose container has gone for good.
  if (record->one_shot() || parts_.containers.find(*container) == nullptr) {
    return discard(uid, record->container_cgroup());
  }
  auto exec = std::make_unique<Exec>(parts_.reactor, std::move(*record));
  exec->uid = uid;
  exec->container = *container;
  Exec& restored = insert(std::move(exec));
  changed(restored);
  ExecDoor door = knock(parts_.host.directories, uid);
  if (door.socket) {
    adopt(restored, std::move(door));
  } else {
    bury(restored);
  }
}

void ExecManager::adopt(Exec& exec, ExecDoor door) {
  const launcher::ShimPacket& hello = door.hello.packet;
  exec.shim_pidfd = std::move(door.shim_pidfd);
  auto group =
      parts_.host.cgroups->open(exec_cgroup_path(exec.record.container_cgroup(), exec.uid));
  if (group) exec.cgroup = std::move(*group);
  if (!door.hello.fds.empty()) {
    exec.process.pidfd = std::move(door.hello.fds.front());
    exec.process.pid = hello.pid;
    exec.process.start_ticks = hello.start_ticks;
  }
  if (exec.exited()) {
    // It only waits for somebody to take its output.
    attach_shim(exec, std::move(door.socket));
    changed(exec);
    return keep_for_a_while(exec);
  }
  exec.api().set_pid(static_cast<std::uint32_t>(hello.pid));
  if (exec.api().state() == skerry::v1::EXEC_STATE_STARTING &&
      (hello.state == ShimState::kRunning || hello.state == ShimState::kExited)) {
    exec.api().set_state(skerry::v1::EXEC_STATE_RUNNING);
    *exec.api().mutable_started_at() = to_timestamp(parts_.clock.wall());
  }
  // Told twice is allowed, not told is not.
  if (exec.running() && !exec.record.start_told()) {
    record_fact(exec, skerry::v1::EVENT_TYPE_EXEC_STARTED);
  }
  attach_shim(exec, std::move(door.socket));
  changed(exec);
  if (hello.state != ShimState::kExited) return;
  const auto recorded = read_exec_exit(parts_.host.directories, exec.uid);
  PendingExecExit exit{.time = parts_.clock.wall()};
  if (recorded && *recorded) {
    exit.status = (*recorded)->status;
    exit.time = WallTime(std::chrono::nanoseconds((*recorded)->time_ns));
  }
  on_exit(exec, std::move(exit));
}

// Nobody answers for it: it has ended, one way or the other.
void ExecManager::bury(Exec& exec) {
  if (exec.exited()) {
    exec.output.end();
    return keep_for_a_while(exec);
  }
  PendingExecExit exit{.time = parts_.clock.wall()};
  const auto recorded = read_exec_exit(parts_.host.directories, exec.uid);
  if (recorded && *recorded) {
    exit.status = (*recorded)->status;
    exit.time = WallTime(std::chrono::nanoseconds((*recorded)->time_ns));
  } else if (exec.api().state() == skerry::v1::EXEC_STATE_STARTING) {
    exit.launch_error = Error(Code::kAborted, "the daemon ended while the exec was started")
                            .with_reason("DAEMON_RESTARTED")
                            .as_retryable();
  } else {
    exit.shim_lost = true;
  }
  const os::CgroupPath leaf = exec_cgroup_path(exec.record.container_cgroup(), exec.uid);
  auto killed = kill_and_wait(*parts_.host.cgroups, leaf, kKillDeadline);
  if (!killed) {
    parts_.trace.error("cannot empty an exec's cgroup", killed.error(), {{"exec", exec.uid.str()}});
  }
  on_exit(exec, std::move(exit));
}

void ExecManager::discard(const Uid& uid, const os::CgroupPath& container_cgroup) {
  const ExecDoor door = knock(parts_.host.directories, uid);
  if (door.socket && !door.hello.fds.empty()) {
    static_cast<void>(os::send_signal(door.hello.fds.front().get(), SIGKILL));
  }
  if (door.shim_pidfd) static_cast<void>(os::send_signal(door.shim_pidfd.get(), SIGKILL));
  if (!container_cgroup.empty()) {
    const os::CgroupPath leaf = exec_cgroup_path(container_cgroup, uid);
    auto swept = kill_and_wait(*parts_.host.cgroups, leaf, kKillDeadline);
    if (swept) swept = parts_.host.cgroups->remove(leaf);
    if (!swept) parts_.trace.error("cannot remove a left-over cgroup", swept.error());
  }
  auto removed = remove_exec_directory(parts_.host.directories, uid.str());
  if (!removed) parts_.trace.error("cannot remove an exec's directory", removed.error());
}

void ExecManager::sweep_leaves() {
  for (const auto& [uid, container] : parts_.containers.containers()) {
    if (!container->cgroup) continue;
    const os::CgroupPath& path = container->api().cgroup_path();
    const auto names = parts_.host.cgroups->children(path);
    if (!names) continue;
    for (const std::string& name : *names) {
      if (!name.starts_with(kLeafPrefix)) continue;
      const auto exec = execs_.find(name.substr(kLeafPrefix.size()));
      if (exec != execs_.end() && !exec->second->exited()) continue;
      const os::CgroupPath leaf = fmt::format("{}/{}", path, name);
      auto swept = kill_and_wait(*parts_.host.cgroups, leaf, kKillDeadline);
      if (swept) swept = parts_.host.cgroups->remove(leaf);
      if (!swept) parts_.trace.error("cannot remove a left-over cgroup", swept.error());
    }
  }
}

}  // namespace skerry::agent
