// One pod in the daemon's memory: its record, and the kernel's handles of what keeps it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agent/containers/unsaved_fact.h"
#include "agent/events/event_log.h"
#include "agent/pods/board.h"
#include "agent/pods/pod_record.h"
#include "agent/pods/pod_spec.h"
#include "agent/runtime/cancel_token.h"
#include "agent/runtime/reactor.h"
#include "os/cgroup/cgroup.h"
#include "os/pidfd.h"

namespace skerry::agent {

struct Pod;

/// What a waiting call gets: the pod as it was when the condition held; null when it is gone.
using PodReply = std::function<void(Result<PodViewPtr>)>;

struct PodWaiter {
  /// Absent: not yet. Else what to answer. Looked at after each change.
  std::function<std::optional<Result<>>(const Pod&)> ready;
  PodReply reply;
};

/// Owned by the reactor. What is only there while the pod lives is empty otherwise.
struct Pod {
  PodRecord record;
  CheckedPod spec;
  Uid uid;

  // The creation in flight, and a stop that came meanwhile.
  std::shared_ptr<runtime::CancelToken> making;

  // The living.
  std::shared_ptr<os::Cgroup> cgroup;
  os::ProcessRef init;
  runtime::Watch init_watch;

  // The ending.
  bool stop_requested = false;
  std::optional<std::chrono::milliseconds> grace;  ///< absent: what each container says
  Uid being_stopped;                               ///< the container whose end is waited for
  bool ending = false;
  bool removing = false;
  std::optional<Error> remove_error;  ///< why the last removal failed
  bool gone = false;                  ///< removed; only its last waiters still look
  runtime::Timer retry_timer;

  /// Events whose transaction failed (full disk): what happened is true all the same, and recorded
  /// when there is room again.
  std::vector<UnsavedFact<Pod>> unsaved;
  runtime::Timer save_timer;

  bool updating = false;  ///< a worker changes its limits; the next update waits
  std::vector<PodWaiter> waiters;
  PodViewPtr view;

  PodState state() const { return state_of(record); }
  skerry::v1::Pod& api() { return *record.mutable_pod(); }
  const skerry::v1::Pod& api() const { return record.pod(); }
  /// Its cgroup, namespaces and networks are there, or about to be.
  bool holds() const { return state() != PodState::kStopped; }
};

}  // namespace skerry::agent
