// Launch and start: an attempt from its acceptance to a running command.

#include <signal.h>
#include <sys/epoll.h>

#include "agent/containers/launch_failure.h"
#include "agent/containers/manager.h"
#include "base/check.h"

namespace skerry::agent {

using launcher::ShimMessage;
using operations::Outcome;
using namespace std::chrono_literals;

namespace {

constexpr auto kDrainPatience = 5s;
constexpr auto kOomWatchDelay = 1s;

// Nothing of the last attempt is left: neither what it held nor its shim.
bool is_over(const Container& container) {
  return container.api().released() && !container.shim_pidfd;
}

}  // namespace

void ContainerManager::begin_attempt(Container& container,
                                     store::Transaction& transaction,
                                     State from) {
  skerry::v1::Container& api = container.api();
  Record& record = container.record;
  api.set_attempt(api.attempt() + 1);
  api.set_released(false);
  api.set_oom_kills(0);
  api.clear_exit();
  api.clear_started_at();
  record.set_boot_id(parts_.host.facts.boot_id);
  record.set_stop_requested(false);
  if (from != State{}) container.launch_clock = {.taken_on = parts_.clock.steady()};
  record.clear_checkpoints();
  api.clear_launch_timing();
  record.clear_error_code();
  container.pending_exit.reset();
  container.log_complete = false;
  container.stdin_closed = false;
  container.killed_on_request = false;

  show_networks_attaching(container);
  CHECK(transit(container, Transition::kRestart).has_value());
  this->record(transaction, container, state_event(container, from));
  CHECK(transit(container, Transition::kPrepare).has_value());
  this->record(transaction, container, state_event(container, State::kAccepted));

  container.launch = std::make_shared<runtime::CancelToken>();
  const std::shared_ptr<LaunchJob> job = make_job(container);
  operations::Operation operation;
  operation.name = "launch";
  operation.object = container.uid;
  operation.steps = launch_steps(job, parts_.host);
  operation.lanes = lanes_of(parts_.host.isolators, {}, &container.spec.config);
  operation.cancel = container.launch;
  operation.done = [this, uid = container.uid, job](const Outcome& outcome) {
    launched(uid, job, outcome);
  };
  parts_.interpreter.start(transaction, std::move(operation));
}

std::shared_ptr<LaunchJob> ContainerManager::make_job(Container& container) {
  auto job = std::make_shared<LaunchJob>();
  job->config = container.spec.config;
  job->log = container.spec.log;
  job->cgroup_path = container.api().cgroup_path();
  job->attempt = container.api().attempt();
  job->record = container.record.SerializeAsString();
  job->hold = container.record.hold();
  job->open_stdin = container.spec.open_stdin;
  job->terminal = container.spec.terminal;
  job->standby = std::move(container.standby);
  return job;
}

void ContainerManager::launched(const Uid& uid,
                                const std::shared_ptr<LaunchJob>& job,
                                const Outcome& outcome) {
  // A container is not removed while an operation on it runs.
  Container* container = find(uid);
  CHECK(container != nullptr);
  container->launch.reset();
  // One that the launch did not get as far as is given back as what a container leaves at its exit.
  const bool standby_left = job->standby != nullptr;
  if (standby_left) job->standby->control.reset();
  if (standby_left || job->from_standby) parts_.standby->forget(uid);
  *container->api().mutable_launch_timing() =
      launch_timing(container->launch_clock, outcome, job->parts, parts_.clock.steady());
  if (outcome.ok()) {
    launch_succeeded(*container, *job, outcome);
  } else {
    launch_failed(*container, outcome, standby_left ? Leftover::kStandby : Leftover::kNothing);
  }
}

void ContainerManager::launch_succeeded(Container& container,
                                        LaunchJob& job,
                                        const Outcome& outcome) {
  adopt_process(container, job);
  const State from = container.state();
  if (from == State::kPreparing) {
    CHECK(transit(container, job.running ? Transition::kRun : Transition::kCreate).has_value());
  }
  if (job.running) {
    *container.api().mutable_started_at() =
        to_timestamp(WallTime(std::chrono::nanoseconds(job.running_ns)));
  }
  record_fact(container,
              state_event(container, from),
              [this, outcome](Container& owner, store::Transaction& transaction) {
                record_attached(transaction, owner);
                parts_.interpreter.close(transaction, outcome);
              });
  attach_shim(container, std::move(job.control));
  begin_oom_watch(container, kOomWatchDelay);
  // A stop that came while the last step ran has cancelled nothing any more.
  if (container.record.stop_requested()) kill_all(container);
}

void ContainerManager::adopt_process(Container& container, LaunchJob& job) {
  container.cgroup = std::move(job.cgroup);
  container.process = std::move(job.process);
  container.shim_pidfd = std::move(job.shim_pidfd);
  container.api().set_pid(static_cast<std::uint32_t>(container.process.pid));
  Record& record = container.record;
  record.set_start_ticks(container.process.start_ticks);
  record.set_shim_pid(job.shim_pid);
  for (const isolators::Checkpoint& checkpoint : job.checkpoints) {
    auto* entry = record.add_checkpoints();
    entry->set_isolator(checkpoint.isolator);
    entry->set_version(checkpoint.version);
    entry->set_bytes(checkpoint.bytes);
  }
  show_networks_attached(container);
}

// The operation has undone everything already, or it is on the list of debts.
void ContainerManager::launch_failed(Container& container,
                                     const Outcome& outcome,
                                     Leftover leftover) {
  const State from = container.state();
  CHECK(transit(container, Transition::kExit).has_value());
  skerry::v1::ExitInfo& exit = *container.api().mutable_exit();
  *exit.mutable_time() = to_timestamp(parts_.clock.wall());
  if (container.record.stop_requested()) {
    exit.set_cause(skerry::v1::EXIT_CAUSE_STOPPED);
    exit.set_message("stopped before its command ran");
  } else {
    record_launch_error(container, *outcome.error);
    parts_.trace.error("launch failed", *outcome.error, {{"container", container.uid.str()}});
  }
  for (const Error& error : outcome.undo_errors) {
    parts_.trace.error("an undo failed", error, {{"container", container.uid.str()}});
  }
  container.api().set_released(leftover == Leftover::kNothing);
  show_networks_detached(container, outcome);
  container.log_complete = true;
  record_fact(container,
              state_event(container, from),
              [this, outcome, leftover](Container& owner, store::Transaction& transaction) {
                parts_.interpreter.close(transaction, outcome);
                if (leftover == Leftover::kStandby) begin_release(owner, transaction);
              });
  plan_removal(container);
}

void ContainerManager::record_launch_error(Container& container, const Error& error) {
  constexpr int kNotFound = 127;
  constexpr int kNotExecutable = 126;
  constexpr int kOther = 125;
  skerry::v1::ExitInfo& exit = *container.api().mutable_exit();
  exit.set_cause(skerry::v1::EXIT_CAUSE_LAUNCH_FAILED);
  exit.set_code(error.reason() == "COMMAND_NOT_FOUND"        ? kNotFound
                : error.reason() == "COMMAND_NOT_EXECUTABLE" ? kNotExecutable
                                                             : kOther);
  exit.set_message(error.message());
  *exit.mutable_error() = to_detail(error);
  container.record.set_error_code(static_cast<int>(error.code()));
}

// --- the shim -------------------------------------------------------------------------------

void ContainerManager::attach_shim(Container& container, UniqueFd socket) {
  auto link = ShimLink::attach(parts_.reactor,
                               std::move(socket),
                               [this, uid = container.uid](std::optional<ShimReport> report) {
                                 Container* owner = find(uid);
                                 if (owner != nullptr) on_shim_report(*owner, std::move(report));
                               });
  if (link) {
    container.shim = std::move(*link);
  } else {
    parts_.trace.error("cannot watch a shim", link.error(), {{"container", container.uid.str()}});
  }
  watch_shim(container);
}

void ContainerManager::watch_shim(Container& container) {
  auto watch = parts_.reactor.watch(
      container.shim_pidfd.get(), EPOLLIN, [this, uid = container.uid](std::uint32_t) {
        Container* owner = find(uid);
        if (owner != nullptr) on_shim_gone(*owner);
      });
  if (watch) {
    container.shim_watch = std::move(*watch);
    return;
  }
  // Without a watch its end would go unseen: better to end it now.
  parts_.trace.error("cannot watch a shim", watch.error(), {{"container", container.uid.str()}});
  kill_all(container);
}

void ContainerManager::on_shim_report(Container& container, std::optional<ShimReport> report) {
  if (!report) {
    // Its end, if it is that, is told by its pidfd; a live one that hung up gets a new connection
    // at the next start of the daemon.
    container.shim.reset();
    container.shim_requests.fail_all();
    return give_up_stdin(container,
                         Error(Code::kUnavailable, "the container's shim does not answer")
                             .with_reason("SHIM_LOST")
                             .as_retryable());
  }
  if (container.shim_requests.take(*report)) return;
  switch (report->packet.type) {
    case ShimMessage::kRunning:
      return on_running(container, report->packet.time_ns);
    case ShimMessage::kCreated: {
      // Of one that was taken up again while it was still being set up.
      const State from = container.state();
      if (!transit(container, Transition::kCreate)) return;
      return record_fact(container, state_event(container, from));
    }
    case ShimMessage::kFailed:
      return on_start_failed(container, report->packet);
    case ShimMessage::kExited:
      return on_exit(container,
                     {.status_known = true,
                      .status = report->packet.status,
                      .time = WallTime(std::chrono::nanoseconds(report->packet.time_ns)),
                      .launch_error = {}});
    case ShimMessage::kLogComplete:
      container.log_complete = true;
      container.api().set_log_dropped_bytes(report->packet.log_dropped);
      changed(container);
      return plan_removal(container);
    case ShimMessage::kStdin:
      return on_stdin(container, *report);
    default:
      return;
  }
}

void ContainerManager::on_running(Container& container, std::uint64_t time_ns) {
  const State from = container.state();
  // Stopping meanwhile: what counts then is the exit.
  if (!transit(container, Transition::kRun)) return;
  *container.api().mutable_started_at() = to_timestamp(WallTime(std::chrono::nanoseconds(time_ns)));
  record_fact(container, state_event(container, from));
}

// --- start ----------------------------------------------------------------------------------

void ContainerManager::start(const skerry::v1::ContainerRef& ref, Reply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  Container& container = **found;
  if (container.state() == State::kExited && (!is_over(container) || container.removing)) {
    return start_when_over(container, ref, std::move(reply));
  }
  auto begun = begin_start(container);
  if (!begun) return answer(std::move(reply), std::move(begun).error());
  wait_until(container,
             Waiter{.ready = [](const Container& c) -> std::optional<Result<>> {
                      if (c.state() == State::kExited &&
                          c.api().exit().cause() == skerry::v1::EXIT_CAUSE_LAUNCH_FAILED) {
                        return Result<>(recorded_error(c.record));
                      }
                      if (c.state() >= State::kRunning) return Result<>();
                      return std::nullopt;
                    },
                    .reply = std::move(reply)});
}

// What the last attempt held is being given back: start when it is.
void ContainerManager::start_when_over(Container& container,
                                       const skerry::v1::ContainerRef& ref,
                                       Reply reply) {
  if (container.removing || container.remove_requested) {
    return answer(std::move(reply), wrong_state(container, "being removed"));
  }
  if (container.save_error) return answer(std::move(reply), not_recorded(container));
  hurry_shim(container);
  wait_until(container,
             Waiter{.ready = [](const Container& c) -> std::optional<Result<>> {
                      if (is_over(c) || c.gone || c.save_error) return Result<>();
                      return std::nullopt;
                    },
                    .reply = [this, ref, reply = std::move(reply)](
                                 const Result<ViewPtr>&) { start(ref, reply); }});
}

Result<> ContainerManager::begin_start(Container& container) {
  switch (container.state()) {
    case State::kCreated:
      return let_go(container);
    case State::kExited:
      return begin_again(container);
    case State::kStarting:
    case State::kRunning:
    case State::kPaused:
      return {};
    default:
      return next_state(container.state(), Transition::kStart).error();
  }
}

// A new attempt.
Result<> ContainerManager::begin_again(Container& container) {
  TRY(rejoin(container));
  const Record before = container.record;
  container.record.set_hold(false);
  store::Transaction transaction = parts_.store.begin();
  begin_attempt(container, transaction, State::kExited);
  auto begun = transaction.commit();
  if (!begun) {
    container.record = before;
    container.launch.reset();
    container.log_complete = true;
  }
  changed(container);
  return begun;
}

// The last attempt's shim still writes to the log that the next one's will write to. It ends by
// itself unless the disk is full; then somebody who starts again has waited for it long enough.
void ContainerManager::hurry_shim(Container& container) {
  if (!container.shim_pidfd || container.stop_timer) return;
  container.stop_timer = parts_.reactor.after(kDrainPatience, [this, uid = container.uid] {
    Container* owner = find(uid);
    if (owner == nullptr) return;
    owner->stop_timer.reset();
    if (owner->state() != State::kExited || !owner->shim_pidfd) return;
    static_cast<void>(os::send_signal(owner->shim_pidfd.get(), SIGKILL));
  });
}

// Opens the barrier of a created container.
Result<> ContainerManager::let_go(Container& container) {
  if (!container.shim) {
    return Error(Code::kUnavailable, "the container's shim does not answer")
        .with_reason("SHIM_LOST")
        .as_retryable();
  }
  TRY(parts_.failpoints.hit("start.release"));
  const Record before = container.record;
  container.record.set_hold(false);
  TRY(transit(container, Transition::kStart));
  store::Transaction transaction = parts_.store.begin();
  record(transaction, container, state_event(container, State::kCreated));
  auto committed = transaction.commit();
  if (!committed) {
    container.record = before;
    return committed;
  }
  changed(container);
  auto sent = container.shim->send(ShimMessage::kStart);
  // It is on record that it was to start: what does not hear it ends.
  if (!sent) kill_all(container);
  return sent;
}

void ContainerManager::on_start_failed(Container& container, const launcher::ShimPacket& packet) {
  PendingExit exit{.status_known = true,
                   .status = packet.status,
                   .time = parts_.clock.wall(),
                   .launch_error = {}};
  // One that somebody killed at its barrier had been launched well.
  const bool was_killed =
      container.state() == State::kCreated && packet.operation == launcher::kFailedKilled;
  if (!was_killed) {
    plan::LaunchPlan plan;
    plan.exec.arguments = container.spec.config.process.arguments;
    exit.launch_error = launch_failure(plan, packet);
  }
  on_exit(container, exit);
}

// --- standard input -------------------------------------------------------------------------

void ContainerManager::open_stdin(const skerry::v1::ContainerRef& ref,
                                  std::function<void(Result<std::pair<Uid, UniqueFd>>)> done) {
  auto found = find(ref);
  if (!found) return done(std::move(found).error());
  Container& container = **found;
  if (!container.spec.open_stdin || container.stdin_closed) {
    return done(Error(Code::kFailedPrecondition,
                      container.stdin_closed ? "the container's standard input was closed"
                                             : "the container's spec does not say stdin")
                    .with_reason("NO_STDIN"));
  }
  if (container.stdin_taken) {
    return done(Error(Code::kAborted, "another call feeds the container's standard input")
                    .with_reason("BUSY"));
  }
  if (!is_live(container.state()) || !container.shim) {
    return done(wrong_state(container));
  }
  auto sent = container.shim->send(ShimMessage::kOpenStdin);
  if (!sent) return done(std::move(sent).error());
  container.stdin_taken = true;
  container.stdin_waiter = [uid = container.uid, done = std::move(done)](Result<UniqueFd> fd) {
    if (!fd) return done(std::move(fd).error());
    done(std::pair(uid, std::move(*fd)));
  };
}

void ContainerManager::on_stdin(Container& container, ShimReport& report) {
  auto waiter = std::exchange(container.stdin_waiter, {});
  if (!waiter) return;
  if (report.fds.empty()) {
    container.stdin_taken = false;
    return waiter(Error(Code::kFailedPrecondition, "the container has no standard input any more")
                      .with_reason("NO_STDIN"));
  }
  waiter(std::move(report.fds.front()));
}

// Whoever waited for it is told, and the next one may ask.
void ContainerManager::give_up_stdin(Container& container, const Error& why) {
  auto waiter = std::exchange(container.stdin_waiter, {});
  if (!waiter) return;
  container.stdin_taken = false;
  waiter(why);
}

void ContainerManager::release_stdin(const Uid& uid, bool close) {
  Container* container = find(uid);
  if (container == nullptr) return;
  container->stdin_taken = false;
  if (!close) return;
  container->stdin_closed = true;
  if (container->shim) {
    // A shim that is gone has closed it already.
    static_cast<void>(container->shim->send(ShimMessage::kCloseStdin));
  }
}

}  // namespace skerry::agent
