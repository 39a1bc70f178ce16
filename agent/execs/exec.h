// One exec in the daemon's memory: its record, and the kernel's handles of its processes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "agent/containers/shim_link.h"
#include "agent/containers/shim_requests.h"
#include "agent/execs/board.h"
#include "agent/execs/exec_output.h"
#include "agent/execs/exec_record.pb.h"
#include "agent/runtime/cancel_token.h"
#include "agent/runtime/reactor.h"
#include "os/cgroup/cgroup.h"
#include "os/pidfd.h"

namespace skerry::agent {

/// What a waiting call gets: the exec as it was when the condition held.
using ExecReply = std::function<void(Result<ExecViewPtr>)>;

enum class ExecGoal : std::uint8_t { kStarted, kExited };

struct ExecWaiter {
  ExecGoal goal = ExecGoal::kStarted;
  ExecReply reply;
  /// Whether the caller has hung up; empty: it never does.
  std::function<bool()> abandoned = {};
};

/// How its process ended, before everything of it is gone.
struct PendingExecExit {
  std::optional<int> status = std::nullopt;  ///< as of waitpid(2)
  WallTime time;
  bool shim_lost = false;
  /// It never ran.
  std::optional<Error> launch_error = std::nullopt;
};

/// Owned by the reactor. What is only there while processes live is empty otherwise.
struct Exec {
  explicit Exec(runtime::Reactor& reactor, record::ExecRecord from)
      : record(std::move(from)), output(reactor, record.exec().spec().output()) {}

  record::ExecRecord record;
  Uid uid;
  Uid container;

  // The start in flight.
  std::shared_ptr<runtime::CancelToken> launch;
  std::shared_ptr<const void> entrance;  ///< ContainerManager::keep_thawed

  // The living.
  std::shared_ptr<os::Cgroup> cgroup;
  os::ProcessRef process;
  UniqueFd shim_pidfd;
  std::unique_ptr<ShimLink> shim;
  ShimRequests shim_requests;
  runtime::Watch shim_watch;
  /// OOM kills in the container when it started.
  std::uint64_t oom_kills_before = 0;

  // Its streams.
  ExecOutput output;
  bool stdin_closed = false;
  std::function<void(Result<UniqueFd>)> stdin_waiter;

  // The ending.
  std::optional<PendingExecExit> pending_exit;
  runtime::Timer timer;     ///< another try to end it; later, to forget it
  bool forget = false;      ///< as soon as it has ended
  bool forgetting = false;  ///< under way
  /// Its start failed with this, which is what a repeated one is told.
  std::optional<Error> launch_error;

  std::vector<ExecWaiter> waiters;
  ExecViewPtr view;

  skerry::v1::Exec& api() { return *record.mutable_exec(); }
  const skerry::v1::Exec& api() const { return record.exec(); }
  bool exited() const { return api().state() == skerry::v1::EXEC_STATE_EXITED; }
  bool running() const { return api().state() == skerry::v1::EXEC_STATE_RUNNING; }
};

}  // namespace skerry::agent
