// One container in the daemon's memory: its record, and the kernel's handles of its processes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/containers/launch_timing.h"
#include "agent/containers/record.h"
#include "agent/containers/shim_link.h"
#include "agent/containers/shim_requests.h"
#include "agent/containers/snapshot.h"
#include "agent/containers/spec.h"
#include "agent/containers/standby_shelf.h"
#include "agent/containers/unsaved_fact.h"
#include "agent/events/event_log.h"
#include "agent/runtime/cancel_token.h"
#include "agent/runtime/reactor.h"
#include "os/cgroup/cgroup.h"
#include "os/pidfd.h"

namespace skerry::agent {

struct Container;

/// What a waiting call gets: the container as it was when the condition held.
using Reply = std::function<void(Result<ViewPtr>)>;

/// A call that waits for the container to get somewhere.
struct Waiter {
  /// Absent: not yet. Else what to answer. Looked at after each change.
  std::function<std::optional<Result<>>(const Container&)> ready;
  Reply reply;
  /// Whether the caller has hung up; empty: it never does.
  std::function<bool()> abandoned = {};
};

/// How the first process ended, before it is known why.
struct PendingExit {
  bool status_known = false;
  int status = 0;  ///< as of waitpid(2)
  WallTime time;
  bool shim_lost = false;
  /// It never ran: exec failed after the barrier.
  std::optional<Error> launch_error;
  /// The host went down with it.
  bool host_reboot = false;
  bool host_shutdown = false;  ///< … in order, after the daemon
};

/// Owned by the reactor. What is only there while processes live is empty otherwise.
struct Container {
  Record record;
  CheckedSpec spec;
  Uid uid;

  // The launch in flight.
  std::shared_ptr<runtime::CancelToken> launch;
  StandbyPtr standby;  ///< From acceptance to the launch's beginning; may be null.
  LaunchClock launch_clock;

  // The living.
  std::shared_ptr<os::Cgroup> cgroup;
  os::ProcessRef process;
  UniqueFd shim_pidfd;
  std::unique_ptr<ShimLink> shim;
  ShimRequests shim_requests;
  runtime::Watch shim_watch;
  UniqueFd oom_events;  ///< os::Cgroup::open_oom_events
  runtime::Watch oom_watch;
  runtime::Timer oom_timer;  ///< the next look at the count

  /// A pause or a resume is under way; the next one waits.
  bool freezing = false;
  /// Execs on their way in (ContainerManager::keep_thawed).
  std::uint32_t entering = 0;
  /// Its limits are on their way to the kernel; the next update waits.
  bool updating = false;

  // The ending.
  /// Somebody asked for SIGKILL: an end by it is no word of the memory limit.
  bool killed_on_request = false;
  std::optional<PendingExit> pending_exit;
  runtime::Timer stop_timer;  ///< grace, then the repeated kill
  runtime::Timer ttl_timer;
  runtime::Timer retry_timer;  ///< a release or removal that could not be recorded, again
  bool log_complete = false;   ///< every byte of output is in the log
  bool releasing = false;
  bool removing = false;
  bool remove_requested = false;
  std::optional<Error> remove_error;  ///< why the last removal failed
  bool gone = false;                  ///< removed; only its last waiters still look
  /// Readers of the log that a removal waits for, for a while.
  std::uint32_t log_readers = 0;

  /// The call that feeds the standard input; empty function: it has its descriptor.
  bool stdin_taken = false;
  bool stdin_closed = false;
  std::function<void(Result<UniqueFd>)> stdin_waiter;

  /// Whose transaction failed (full disk): what happened is true all the same, and recorded when
  /// there is room again.
  std::vector<UnsavedFact<Container>> unsaved;
  runtime::Timer save_timer;
  /// Why, the last time; there while something is unsaved.
  std::optional<Error> save_error;

  std::vector<Waiter> waiters;
  ViewPtr view;

  /// Of a pod of its own otherwise.
  bool joined_pod() const { return !api().pod_uid().empty(); }
  State state() const { return state_of(record); }
  skerry::v1::Container& api() { return *record.mutable_container(); }
  const skerry::v1::Container& api() const { return record.container(); }
};

/// FAILED_PRECONDITION, reason STATE: that the container is what it is, or what `is` says. Blocks:
/// never.
Error wrong_state(const Container& container, std::string_view is = {});

}  // namespace skerry::agent
