// The start of an exec, from its acceptance to a running command.

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#include "agent/containers/launch_failure.h"
#include "agent/containers/record.h"
#include "agent/execs/manager.h"
#include "base/check.h"

namespace skerry::agent {

using launcher::ShimMessage;
using operations::Outcome;

namespace {

constexpr std::chrono::seconds kJoinDeadline{30};

// Whatever was missing when the container had gone: it is that which the caller wants to know.
Error explain(const Error& error, const Container* container) {
  const bool lives = container != nullptr && is_live(container->state());
  if (lives || !error.reason().empty()) return error;
  return Error(Code::kFailedPrecondition, "the container has ended: " + error.message())
      .with_reason("STATE");
}

}  // namespace

void ExecManager::begin(Exec& exec) {
  Container* container = parts_.containers.find(exec.container);
  CHECK(container != nullptr);
  exec.entrance = parts_.containers.keep_thawed(*container);
  if (!exec.api().spec().has_terminal()) return launch(exec, {});
  parts_.containers.get_devpts(
      *container, [this, uid = exec.uid, alive = std::weak_ptr(alive_)](Result<UniqueFd> devpts) {
        if (!alive.lock()) return;
        Exec* owner = find(uid);
        if (owner == nullptr || owner->exited()) return;
        if (!devpts) return launch_failed(*owner, devpts.error());
        launch(*owner, std::move(*devpts));
      });
}

void ExecManager::launch(Exec& exec, UniqueFd devpts) {
  auto job = make_job(exec, std::move(devpts));
  if (!job) return launch_failed(exec, job.error());
  exec.launch = std::make_shared<runtime::CancelToken>();
  operations::Operation operation;
  operation.name = "exec";
  operation.object = exec.uid;
  operation.steps = exec_steps(*job, parts_.host);
  operation.cancel = exec.launch;
  // Its container can stop it before it is its command: that holds up execs of this one only.
  operation.lanes = {"exec/" + exec.container.str()};
  operation.done = [this, uid = exec.uid, job = *job](const Outcome& outcome) {
    launched(uid, job, outcome);
  };
  store::Transaction transaction = parts_.store.begin();
  parts_.interpreter.start(transaction, std::move(operation));
  auto committed = transaction.commit();
  if (committed) return;
  exec.launch.reset();
  launch_failed(exec, committed.error());
}

Result<std::shared_ptr<ExecJob>> ExecManager::make_job(const Exec& exec, UniqueFd devpts) {
  const Container* container = parts_.containers.find(exec.container);
  if (container == nullptr || container->state() != State::kRunning || !container->process.pidfd) {
    return Error(Code::kFailedPrecondition, "the container does not run any more")
        .with_reason("STATE");
  }
  TRY_ASSIGN(const CheckedExec checked, check_exec_spec(exec.api().spec()));
  auto job = std::make_shared<ExecJob>();
  job->uid = exec.uid;
  job->deadline = kJoinDeadline;
  TRY_ASSIGN(job->config, to_exec_config(container->spec.config, checked));
  job->container_cgroup = exec.record.container_cgroup();
  job->container_pid = container->process.pid;
  job->container_process.reset(::fcntl(container->process.pidfd.get(), F_DUPFD_CLOEXEC, 0));
  if (!job->container_process) return Error::from_errno(errno, "copy a descriptor");
  job->terminal = checked.terminal;
  job->devpts = std::move(devpts);
  // Run's input comes with its call.
  job->open_stdin = checked.spec.stdin();
  const bool misses = checked.spec.output() == skerry::v1::EXEC_OUTPUT_DROP ||
                      checked.spec.output() == skerry::v1::EXEC_OUTPUT_DISCARD;
  job->slow_reader = misses ? plan::SlowReader::kMisses : plan::SlowReader::kIsWaitedFor;
  job->record = exec.record.SerializeAsString();
  return job;
}

void ExecManager::launched(const Uid& uid,
                           const std::shared_ptr<ExecJob>& job,
                           const Outcome& outcome) {
  // An exec is not forgotten while it starts.
  Exec* exec = find(uid);
  CHECK(exec != nullptr);
  exec->launch.reset();
  exec->entrance.reset();
  const auto close = [&](store::Transaction& transaction) {
    parts_.interpreter.close(transaction, outcome);
  };
  if (!outcome.ok()) {
    // Also when its undo failed: with nobody who knows of it, a shim keeps its output for ever.
    if (job->shim_pidfd) static_cast<void>(os::send_signal(job->shim_pidfd.get(), SIGKILL));
    return launch_failed(
        *exec, explain(*outcome.error, parts_.containers.find(exec->container)), close);
  }
  exec->cgroup = std::move(job->cgroup);
  exec->process = std::move(job->process);
  exec->shim_pidfd = std::move(job->shim_pidfd);
  const Container* container = parts_.containers.find(exec->container);
  if (container != nullptr && container->cgroup) {
    exec->oom_kills_before = container->cgroup->oom_kills().value_or(0);
  }
  skerry::v1::Exec& api = exec->api();
  api.set_state(skerry::v1::EXEC_STATE_RUNNING);
  api.set_pid(static_cast<std::uint32_t>(exec->process.pid));
  *api.mutable_started_at() = to_timestamp(WallTime(std::chrono::nanoseconds(job->running_ns)));
  record_fact(*exec, skerry::v1::EVENT_TYPE_EXEC_STARTED, close);
  attach_shim(*exec, std::move(job->control));
  if (exec->forget) kill_all(uid);
}

// The operation has undone everything already, or it is on the list of debts.
void ExecManager::launch_failed(Exec& exec,
                                const Error& error,
                                const std::function<void(store::Transaction&)>& more) {
  constexpr int kNotFound = 127;
  constexpr int kNotExecutable = 126;
  constexpr int kOther = 125;
  exec.entrance.reset();
  exec.api().set_state(skerry::v1::EXEC_STATE_EXITED);
  exec.launch_error = error;
  skerry::v1::ExitInfo& exit = *exec.api().mutable_exit();
  exit.set_cause(skerry::v1::EXIT_CAUSE_LAUNCH_FAILED);
  exit.set_code(error.reason() == "COMMAND_NOT_FOUND"        ? kNotFound
                : error.reason() == "COMMAND_NOT_EXECUTABLE" ? kNotExecutable
                                                             : kOther);
  exit.set_message(error.message());
  *exit.mutable_error() = to_detail(error);
  *exit.mutable_time() = to_timestamp(parts_.clock.wall());
  exec.output.end();
  record_fact(exec, skerry::v1::EVENT_TYPE_EXEC_EXITED, more);
  if (!exec.record.one_shot()) {
    parts_.trace.error(
        "exec failed", error, {{"exec", exec.uid.str()}, {"container", exec.container.str()}});
  }
  keep_for_a_while(exec);
}

// --- the shim -------------------------------------------------------------------------------

void ExecManager::attach_shim(Exec& exec, UniqueFd socket) {
  auto link = ShimLink::attach(
      parts_.reactor, std::move(socket), [this, uid = exec.uid](std::optional<ShimReport> report) {
        Exec* owner = find(uid);
        if (owner != nullptr) on_shim_report(*owner, std::move(report));
      });
  auto watch =
      parts_.reactor.watch(exec.shim_pidfd.get(), EPOLLIN, [this, uid = exec.uid](std::uint32_t) {
        Exec* owner = find(uid);
        if (owner != nullptr) on_shim_gone(*owner);
      });
  if (link) exec.shim = std::move(*link);
  if (watch) exec.shim_watch = std::move(*watch);
  if (!link || !watch) {
    // Without either its end, or what it says, would go unseen: better to end it now.
    parts_.trace.error(
        "cannot watch a shim", link ? watch.error() : link.error(), {{"exec", exec.uid.str()}});
    return kill_all(exec.uid);
  }
  connect_output(exec);
}

void ExecManager::on_shim_report(Exec& exec, std::optional<ShimReport> report) {
  if (!report) {
    exec.shim.reset();
    return exec.shim_requests.fail_all();
  }
  if (exec.shim_requests.take(*report)) return;
  switch (report->packet.type) {
    case ShimMessage::kRunning:
      return on_running(exec, report->packet.time_ns);
    case ShimMessage::kFailed: {
      plan::LaunchPlan plan;
      plan.exec.arguments.assign(exec.api().spec().args().begin(), exec.api().spec().args().end());
      return on_exit(
          exec,
          {.time = parts_.clock.wall(), .launch_error = launch_failure(plan, report->packet)});
    }
    case ShimMessage::kExited:
      return on_exit(exec,
                     {.status = report->packet.status,
                      .time = WallTime(std::chrono::nanoseconds(report->packet.time_ns))});
    case ShimMessage::kStdin:
      return on_stdin(exec, *report);
    default:
      return;
  }
}

// After a restart of the daemon in the middle of the start.
void ExecManager::on_running(Exec& exec, std::uint64_t time_ns) {
  if (exec.api().state() != skerry::v1::EXEC_STATE_STARTING) return;
  exec.api().set_state(skerry::v1::EXEC_STATE_RUNNING);
  *exec.api().mutable_started_at() = to_timestamp(WallTime(std::chrono::nanoseconds(time_ns)));
  record_fact(exec, skerry::v1::EVENT_TYPE_EXEC_STARTED);
}

}  // namespace skerry::agent
