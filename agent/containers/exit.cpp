// How an attempt ends: from the first word of it to the published exit.
//
//   Exited from the shim ─┐
//   shim gone ────────────┼─► on_exit ─► settle_exit ─► (kill what is left) ─► finish_exit
//   exec failed ──────────┘      the cgroup is empty, its OOM count read ────────┘
//
// Nothing here waits for a plugin, and the release begins in the transaction that records the exit.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "agent/containers/launch.h"
#include "agent/containers/manager.h"
#include "agent/networks/network_status.h"
#include "base/check.h"
#include "logs/exit_record.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;
using skerry::v1::ExitInfo;

constexpr auto kEmptyDeadline = 10s;
constexpr auto kRetryAfter = 5s;

void set_status(ExitInfo& exit, int status) {
  if (WIFSIGNALED(status)) {
    exit.set_signal(WTERMSIG(status));
    exit.set_core_dumped(WCOREDUMP(status));
  } else {
    exit.set_code(WEXITSTATUS(status));
  }
}

skerry::v1::ExitCause cause_of(const PendingExit& exit, bool stop_requested, bool oom) {
  if (exit.host_shutdown) return skerry::v1::EXIT_CAUSE_HOST_SHUTDOWN;
  if (exit.host_reboot) return skerry::v1::EXIT_CAUSE_HOST_REBOOT;
  if (stop_requested) return skerry::v1::EXIT_CAUSE_STOPPED;
  if (exit.shim_lost) return skerry::v1::EXIT_CAUSE_SHIM_LOST;
  if (!exit.status_known) return skerry::v1::EXIT_CAUSE_UNKNOWN;
  // Only the first process's own death by SIGKILL is the container's OOM; a killed child is an
  // event.
  if (oom && WIFSIGNALED(exit.status) && WTERMSIG(exit.status) == SIGKILL) {
    return skerry::v1::EXIT_CAUSE_OOM;
  }
  return WIFSIGNALED(exit.status) ? skerry::v1::EXIT_CAUSE_SIGNALED : skerry::v1::EXIT_CAUSE_EXITED;
}

}  // namespace

void ContainerManager::on_exit(Container& container, const PendingExit& exit) {
  if (container.pending_exit || !is_live(container.state())) return;
  container.pending_exit = exit;
  settle_exit(container);
}

void ContainerManager::on_shim_gone(Container& container) {
  container.shim_watch.reset();
  // What it said before its end may still be unread.
  if (container.shim) container.shim->drain();
  container.shim.reset();
  container.shim_requests.fail_all();
  give_up_stdin(container,
                Error(Code::kFailedPrecondition, "the container has ended").with_reason("STATE"));
  container.shim_pidfd.reset();
  container.log_complete = true;
  if (container.pending_exit || !is_live(container.state())) {
    changed(container);
    return plan_removal(container);
  }
  // A shim that wrote its record and could not tell us has done its duty.
  PendingExit exit{.time = parts_.clock.wall(), .launch_error = {}};
  auto recorded = read_recorded_exit(parts_.host.directories, container.uid);
  if (recorded && is_of_attempt(*recorded, container.api().attempt())) {
    exit.status_known = true;
    exit.status = (*recorded)->status;
    exit.time = WallTime(std::chrono::nanoseconds((*recorded)->time_ns));
  } else {
    exit.shim_lost = true;
  }
  on_exit(container, exit);
}

// The exit is published when no process of the container is left. With a pid namespace of its own
// that is so already: the kernel reports the end of its first process last.
void ContainerManager::settle_exit(Container& container) {
  if (!container.cgroup) return finish_exit(container, 0);
  const auto populated = container.cgroup->populated();
  if (populated && *populated) return kill_what_is_left(container);
  finish_exit(container, container.cgroup->oom_kills().value_or(0));
}

void ContainerManager::kill_what_is_left(Container& container) {
  auto work = [this, uid = container.uid, group = container.cgroup, alive = std::weak_ptr(alive_)] {
    auto emptied = group->kill();
    if (emptied) emptied = group->wait_empty(kEmptyDeadline);
    const std::uint64_t oom_kills = group->oom_kills().value_or(0);
    parts_.reactor.post([this, uid, emptied, oom_kills, alive] {
      if (!alive.lock()) return;
      Container* owner = find(uid);
      if (owner == nullptr) return;
      if (emptied) return finish_exit(*owner, oom_kills);
      // Somebody hangs in the kernel. It is not over before it is over: say so, and go on trying.
      parts_.trace.error(
          "a container's processes do not end", emptied.error(), {{"container", uid.str()}});
      owner->stop_timer = parts_.reactor.after(kRetryAfter, [this, uid] {
        Container* again = find(uid);
        if (again != nullptr) settle_exit(*again);
      });
    });
  };
  if (parts_.workers.submit(std::move(work))) return;
  container.stop_timer = parts_.reactor.after(1s, [this, uid = container.uid] {
    Container* again = find(uid);
    if (again != nullptr) settle_exit(*again);
  });
}

void ContainerManager::finish_exit(Container& container, std::uint64_t oom_kills) {
  const PendingExit pending = *container.pending_exit;
  PendingExit exit = pending;
  if (exit.shim_lost && container.process.pidfd) {
    // The kernel may still know what its dead parent cannot tell us.
    const auto status = os::exit_status_of_reaped(container.process.pidfd.get());
    if (status && *status) {
      exit.status_known = true;
      exit.status = (*status)->signal != 0 ? (*status)->signal : W_EXITCODE((*status)->code, 0);
    }
  }
  const State from = container.state();
  CHECK(transit(container, Transition::kExit).has_value());
  container.pending_exit.reset();
  container.stop_timer.reset();
  end_oom_watch(container);
  container.cgroup.reset();
  container.process = {};

  skerry::v1::Container& api = container.api();
  const bool untold_oom = oom_kills > api.oom_kills();
  api.set_pid(0);
  api.set_oom_kills(std::max(oom_kills, api.oom_kills()));
  if (!container.joined_pod()) show_detaching(*api.mutable_networks());
  ExitInfo& info = *api.mutable_exit();
  *info.mutable_time() = to_timestamp(exit.time);
  const bool stopped = container.record.stop_requested();
  if (exit.launch_error && !stopped) {
    record_launch_error(container, *exit.launch_error);
  } else {
    const bool oom = api.oom_kills() > 0 && !container.killed_on_request;
    info.set_cause(cause_of(exit, stopped, oom));
    if (exit.status_known) set_status(info, exit.status);
    // The held process was killed at its barrier: that is no failure of a launch.
    if (exit.launch_error) info.set_message("stopped before its command ran");
  }
  record_fact(container,
              state_event(container, from),
              [this, untold_oom](Container& owner, store::Transaction& transaction) {
                if (untold_oom) {
                  record(
                      transaction, owner, make_event(owner, skerry::v1::EVENT_TYPE_CONTAINER_OOM));
                }
                begin_release(owner, transaction);
              });
}

bool is_of_attempt(const std::optional<logs::ExitRecord>& record, std::uint32_t attempt) {
  return record && (record->attempt == 0 || record->attempt == attempt);
}

Result<std::optional<logs::ExitRecord>> read_recorded_exit(const Directories& directories,
                                                           const Uid& uid) {
  TRY_ASSIGN(const UniqueFd scratch, os::open_dir_at(directories.containers.get(), uid.str()));
  TRY_ASSIGN(const UniqueFd file, os::open_beneath(scratch.get(), "exit", O_RDONLY));
  return logs::read_exit_record(file.get(), uid.str());
}

}  // namespace skerry::agent
