// How an exec ends: its first process, what is left of its leaf, and after a while what is known of
// it.

#include <signal.h>
#include <sys/wait.h>

#include "agent/containers/launch.h"
#include "agent/containers/record.h"
#include "agent/execs/manager.h"
#include "agent/operations/paying_step.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;
using operations::Debt;
using operations::Outcome;

constexpr auto kEmptyDeadline = 10s;
constexpr auto kRetryAfter = 5s;

Debt cgroup_debt(const Exec& exec) {
  return {.kind = std::string(kDebtCgroup),
          .key = exec_cgroup_path(exec.record.container_cgroup(), exec.uid),
          .object = exec.uid.str(),
          .record = {}};
}

Debt run_debt(const Exec& exec) {
  return {.kind = std::string(kDebtExecRun),
          .key = exec.uid.str(),
          .object = exec.uid.str(),
          .record = {}};
}

}  // namespace

void ExecManager::register_debts() {
  Host& host = parts_.host;
  parts_.debts.handle(std::string(kDebtExecRun), [&host](const Debt& debt) {
    return remove_exec_directory(host.directories, debt.key);
  });
}

void ExecManager::on_exit(Exec& exec, PendingExecExit exit) {
  if (exec.pending_exit || exec.exited()) return;
  exec.pending_exit = std::move(exit);
  settle_exit(exec);
}

void ExecManager::on_shim_gone(Exec& exec) {
  exec.shim_watch.reset();
  // What it said before its end may still be unread.
  if (exec.shim) exec.shim->drain();
  exec.shim.reset();
  exec.shim_requests.fail_all();
  if (const auto waiter = std::exchange(exec.stdin_waiter, {})) {
    waiter(Error(Code::kFailedPrecondition, "the exec has ended").with_reason("STATE"));
  }
  exec.shim_pidfd.reset();
  exec.output.end();
  if (exec.pending_exit || exec.exited()) return changed(exec);
  // A shim that wrote its record and could not tell us has done its duty.
  PendingExecExit exit{.time = parts_.clock.wall()};
  const auto recorded = read_exec_exit(parts_.host.directories, exec.uid);
  if (recorded && *recorded) {
    exit.status = (*recorded)->status;
    exit.time = WallTime(std::chrono::nanoseconds((*recorded)->time_ns));
  } else {
    exit.shim_lost = true;
  }
  on_exit(exec, std::move(exit));
}

// It has ended when no process of its leaf is left: what it put into the background goes with it.
void ExecManager::settle_exit(Exec& exec) {
  const auto populated = exec.cgroup ? exec.cgroup->populated() : Result<bool>(false);
  if (!populated || !*populated) return finish_exit(exec);
  const auto again = [this, uid = exec.uid, alive = std::weak_ptr(alive_)] {
    if (!alive.lock()) return;
    Exec* owner = find(uid);
    if (owner != nullptr && owner->pending_exit) settle_exit(*owner);
  };
  auto work = [this, uid = exec.uid, group = exec.cgroup, again, alive = std::weak_ptr(alive_)] {
    auto emptied = group->kill();
    if (emptied) emptied = group->wait_empty(kEmptyDeadline);
    parts_.reactor.post([this, uid, emptied, again, alive] {
      if (!alive.lock() || emptied) return again();
      // Somebody hangs in the kernel. It is not over before it is over: say so, and go on trying.
      parts_.trace.error("an exec's processes do not end", emptied.error(), {{"exec", uid.str()}});
      Exec* owner = find(uid);
      if (owner != nullptr) owner->timer = parts_.reactor.after(kRetryAfter, again);
    });
  };
  if (!parts_.workers.submit(std::move(work))) exec.timer = parts_.reactor.after(1s, again);
}

skerry::v1::ExitCause ExecManager::cause_of(const Exec& exec, const PendingExecExit& exit) const {
  if (exit.status && !WIFSIGNALED(*exit.status)) return skerry::v1::EXIT_CAUSE_EXITED;
  const Container* container = parts_.containers.find(exec.container);
  const bool ended = container == nullptr || container->pending_exit ||
                     container->state() == State::kStopping || container->state() == State::kExited;
  if (ended) return skerry::v1::EXIT_CAUSE_STOPPED;
  if (exit.shim_lost) return skerry::v1::EXIT_CAUSE_SHIM_LOST;
  if (!exit.status) return skerry::v1::EXIT_CAUSE_UNKNOWN;
  const bool killed = WTERMSIG(*exit.status) == SIGKILL;
  if (killed && container->cgroup &&
      container->cgroup->oom_kills().value_or(0) > exec.oom_kills_before) {
    return skerry::v1::EXIT_CAUSE_OOM;
  }
  return skerry::v1::EXIT_CAUSE_SIGNALED;
}

void ExecManager::finish_exit(Exec& exec) {
  const PendingExecExit exit = *std::exchange(exec.pending_exit, std::nullopt);
  exec.timer.reset();
  exec.cgroup.reset();
  exec.process = {};
  exec.api().set_pid(0);
  if (exit.launch_error) {
    // A start that a restart of the daemon broke off: nobody has undone it.
    remove_leaf(exec);
    return launch_failed(exec, *exit.launch_error);
  }
  exec.api().set_state(skerry::v1::EXEC_STATE_EXITED);
  skerry::v1::ExitInfo& info = *exec.api().mutable_exit();
  *info.mutable_time() = to_timestamp(exit.time);
  info.set_cause(cause_of(exec, exit));
  if (exit.status && WIFSIGNALED(*exit.status)) {
    info.set_signal(WTERMSIG(*exit.status));
    info.set_core_dumped(WCOREDUMP(*exit.status));
  } else if (exit.status) {
    info.set_code(WEXITSTATUS(*exit.status));
  }
  if (!exec.shim_pidfd) exec.output.end();
  record_fact(exec, skerry::v1::EVENT_TYPE_EXEC_EXITED);
  remove_leaf(exec);
  const Uid uid = exec.uid;
  exec.output.wake_client();
  Exec* still = find(uid);
  if (still != nullptr) keep_for_a_while(*still);
}

// Runs one step that takes back what the exec had; what it cannot do is owed.
void ExecManager::take_back(const Exec& exec, TakeBack what) {
  auto owed = std::make_shared<operations::Owed>();
  operations::Operation operation;
  operation.name = what.operation;
  operation.object = exec.uid;
  operation.steps.push_back(operations::paying_step(what.step, owed, what.work, what.debt));
  operation.cancel = std::make_shared<runtime::CancelToken>();
  operation.done = [this, owed, done = what.done](Outcome outcome) {
    // What broke off owes everything: paying twice is fine.
    outcome.debts = outcome.ok() ? owed->debts : owed->all;
    store::Transaction closing = parts_.store.begin();
    parts_.interpreter.close(closing, outcome);
    if (auto committed = closing.commit(); !committed) {
      parts_.trace.error("cannot record what is owed", committed.error());
    }
    if (done) done();
  };
  store::Transaction transaction = parts_.store.begin();
  parts_.interpreter.start(transaction, std::move(operation));
  if (transaction.commit()) return;
  // The disk is full: nothing was begun.
  runtime::Timer& retry = retries_[{exec.uid.str(), what.step}];
  retry =
      parts_.reactor.after(kRetryAfter, [this, uid = exec.uid, what = std::move(what)]() mutable {
        const Exec* owner = find(uid);
        if (owner != nullptr) take_back(*owner, std::move(what));
      });
}

void ExecManager::remove_leaf(const Exec& exec) {
  const Debt debt = cgroup_debt(exec);
  Host& host = parts_.host;
  take_back(exec,
            {.operation = "exec-end",
             .step = "exec-end.cgroup",
             .work = [&host, path = debt.key] { return host.cgroups->remove(path); },
             .debt = debt,
             .done = {}});
}

// --- forgetting -----------------------------------------------------------------------------

void ExecManager::keep_for_a_while(Exec& exec) {
  if (exec.forget || exec.record.one_shot()) {
    // A caller of Run takes its output first.
    if (exec.forget || !exec.output.has_client()) forget(exec);
    return;
  }
  const auto since = parts_.clock.wall() - from_timestamp(exec.api().exit().time());
  // The time of day may have jumped, either way.
  exec.timer = parts_.reactor.after(
      std::clamp<std::chrono::nanoseconds>(kKeepEnded - since, 0ns, kKeepEnded),
      [this, uid = exec.uid] {
        Exec* owner = find(uid);
        if (owner != nullptr) forget(*owner);
      });
  std::size_t ended = 0;
  Exec* oldest = nullptr;
  for (const auto& [uid, sibling] : by_container_[exec.container.str()]) {
    if (!sibling->exited() || sibling->forgetting) continue;
    ++ended;
    if (oldest == nullptr || sibling->record.ordinal() < oldest->record.ordinal()) oldest = sibling;
  }
  if (ended > kMaxEnded) forget(*oldest);
}

void ExecManager::forget(Exec& exec) {
  exec.forget = true;
  if (!exec.exited() || exec.forgetting) return;
  exec.forgetting = true;
  exec.timer.reset();
  // It may wait for somebody to take the last of the output.
  if (exec.shim_pidfd) static_cast<void>(os::send_signal(exec.shim_pidfd.get(), SIGKILL));
  Host& host = parts_.host;
  take_back(
      exec,
      {.operation = "exec-forget",
       .step = "exec-forget.run",
       .work = [&host,
                name = exec.uid.str()] { return remove_exec_directory(host.directories, name); },
       .debt = run_debt(exec),
       .done =
           [this, uid = exec.uid] {
             // Whoever is attached learns that there is nothing left to be attached to.
             Exec* owner = find(uid);
             if (owner != nullptr) owner->output.cut_off();
             owner = find(uid);
             if (owner != nullptr) erase(*owner);
           }});
}

}  // namespace skerry::agent
