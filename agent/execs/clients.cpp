// What a connected client of an exec gets and gives: output, input, the size of the terminal.

#include <signal.h>

#include "agent/execs/manager.h"
#include "os/cgroup/signal.h"

namespace skerry::agent {
namespace {

using launcher::ShimMessage;

Error bad_state(const Exec& exec) {
  const bool exited = exec.exited();
  return Error(Code::kFailedPrecondition, exited ? "the exec has ended" : "the exec is starting")
      .with_reason("STATE")
      .with_object("exec " + exec.api().id());
}

Error no_stdin(const char* why) {
  return Error(Code::kFailedPrecondition, why).with_reason("NO_STDIN");
}

}  // namespace

// --- output ---------------------------------------------------------------------------------

void ExecManager::connect_output(Exec& exec) {
  if (!exec.output.wants_connection() || exec.api().state() == skerry::v1::EXEC_STATE_STARTING) {
    return;
  }
  // Without a shim all that was written has been taken, or is lost with it.
  if (!exec.shim) return exec.output.end();
  exec.output.connecting();
  exec.shim_requests.attach(
      exec.shim.get(),
      [this, uid = exec.uid, alive = std::weak_ptr(alive_)](Result<AttachedOutput> attached) {
        if (!alive.lock()) return;
        Exec* owner = find(uid);
        if (owner == nullptr) return;
        if (attached) {
          auto connected = owner->output.connect(std::move(attached->socket));
          if (connected) return;
          parts_.trace.error(
              "cannot read an exec's output", connected.error(), {{"exec", uid.str()}});
        }
        owner->output.end();
      });
}

Result<> ExecManager::attach(const Uid& uid, std::function<void()> on_ready) {
  Exec* exec = find(uid);
  if (exec == nullptr || exec->forgetting) {
    return Error(Code::kNotFound, "the exec is gone").with_reason("EXEC_NOT_FOUND");
  }
  if (exec->output.has_client()) {
    return Error(Code::kAborted, "another client is attached to the exec").with_reason("BUSY");
  }
  exec->output.set_client(std::move(on_ready));
  connect_output(*exec);
  changed(*exec);
  return {};
}

void ExecManager::detach(const Uid& uid, Leaving leaving) {
  Exec* exec = find(uid);
  if (exec == nullptr) return;
  exec->output.clear_client();
  changed(*exec);
  if (leaving == Leaving::kLost &&
      exec->api().spec().on_disconnect() == skerry::v1::ON_DISCONNECT_KILL) {
    kill_all(uid);
  }
  if (exec->record.one_shot()) forget(*exec);
}

// --- input and terminal -----------------------------------------------------------------------

void ExecManager::open_stdin(const Uid& uid, std::function<void(Result<UniqueFd>)> done) {
  Exec* exec = find(uid);
  if (exec == nullptr || exec->exited()) {
    return done(exec == nullptr ? no_stdin("the exec is gone") : bad_state(*exec));
  }
  if (!exec->api().spec().stdin() || exec->stdin_closed) {
    return done(no_stdin(exec->stdin_closed ? "the exec's standard input was closed"
                                            : "the exec's spec does not say stdin"));
  }
  if (exec->stdin_waiter || !exec->shim) return done(bad_state(*exec));
  auto sent = exec->shim->send(ShimMessage::kOpenStdin);
  if (!sent) return done(std::move(sent).error());
  exec->stdin_waiter = std::move(done);
}

void ExecManager::on_stdin(Exec& exec, ShimReport& report) {
  const auto waiter = std::exchange(exec.stdin_waiter, {});
  if (!waiter) return;
  if (report.fds.empty()) return waiter(no_stdin("the exec has no standard input any more"));
  waiter(std::move(report.fds.front()));
}

void ExecManager::close_stdin(const Uid& uid) {
  Exec* exec = find(uid);
  if (exec == nullptr) return;
  exec->stdin_closed = true;
  // A shim that is gone has closed it already.
  if (exec->shim) static_cast<void>(exec->shim->send(ShimMessage::kCloseStdin));
}

Result<> ExecManager::resize(const skerry::v1::ExecRef& ref, const TerminalSize& size) {
  TRY_ASSIGN(Exec * exec, find(ref));
  if (!exec->api().spec().has_terminal()) {
    return Error(Code::kFailedPrecondition, "the exec's spec says no terminal")
        .with_reason("NO_TERMINAL");
  }
  if (!exec->running() || !exec->shim) return bad_state(*exec);
  launcher::ResizePacket packet;
  packet.rows = size.rows;
  packet.columns = size.columns;
  return exec->shim->send_packet(packet);
}

// --- signals --------------------------------------------------------------------------------

void ExecManager::kill(const skerry::v1::ExecRef& ref, int signal, bool all, ExecReply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  Exec& exec = **found;
  if (exec.exited()) return answer(std::move(reply), exec.view);
  if (signal == SIGKILL && all) {
    kill_all(exec.uid);
    return answer(std::move(reply), exec.view);
  }
  if (!exec.process.pidfd) return answer(std::move(reply), bad_state(exec));
  Result<> sent;
  if (!all) {
    sent = os::send_signal(exec.process.pidfd.get(), signal);
  } else if (exec.cgroup) {
    sent = os::signal_processes(*exec.cgroup, signal);
  }
  if (!sent) return answer(std::move(reply), std::move(sent).error());
  answer(std::move(reply), exec.view);
}

void ExecManager::kill_all(const Uid& uid) {
  Exec* exec = find(uid);
  if (exec == nullptr || exec->exited()) return;
  if (exec->launch) {
    return exec->launch->cancel(
        Error(Code::kCancelled, "killed before its command ran").with_reason("STOPPED"));
  }
  if (exec->process.pidfd) {
    static_cast<void>(os::send_signal(exec->process.pidfd.get(), SIGKILL));
  }
  // Two ways to the same end: the group's kill reaches what the process's did not.
  if (!exec->cgroup) return;
  static_cast<void>(
      parts_.workers.submit([group = exec->cgroup] { static_cast<void>(group->kill()); }));
}

}  // namespace skerry::agent
