#include "launcher/child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "launcher/exec.h"
#include "launcher/interpreter.h"
#include "launcher/shim_protocol.h"
#include "os/syscalls.h"

namespace skerry::launcher {
namespace {

constexpr mode_t kUmask = 022;

[[noreturn]] void fail(int sync, std::int32_t operation, int sys_errno) {
  const SyncPacket packet{
      .kind = SyncKind::kFailed, .operation = operation, .sys_errno = sys_errno};
  ::send(sync, &packet, sizeof packet, MSG_NOSIGNAL);
  ::_exit(1);
}

// The death signal is for the future; that the shim died before it was set shows at the socket.
void die_with_shim(int sync) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd entry{.fd = sync, .events = 0, .revents = 0};
  if (::poll(&entry, 1, 0) != 0) ::_exit(1);
}

// Of launcher and shim nothing shows in the program: dispositions, mask, session, keys, oom score.
void leave_our_process_state(const ChildArguments& arguments) {
  for (const int signal : kIgnoredSignals) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  if (::setsid() < 0) fail(arguments.sync, kFailedClone, errno);
  // ENOSYS: a kernel without keys. The session keyring we inherited is the daemon's.
  if (os::sys::join_new_session_keyring() < 0 && errno != ENOSYS)
    fail(arguments.sync, kFailedClone, errno);
  if (arguments.proc < 0) return;
  const UniqueFd score(::openat(arguments.proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (!score || ::write(score.get(), "0", 1) != 1) fail(arguments.sync, kFailedClone, errno);
}

// By "0" to tasks, not cgroup.procs, whose lock waits for an RCU grace period: 66 µs against 6.6 ms
// on an idle host. Then the namespace, whose root is where the process is by now.
void join_cgroups(const ChildArguments& arguments) {
  for (const auto index : arguments.plan.join.tasks) {
    const auto tasks = arguments.fds.get(index);
    if (!tasks) fail(arguments.sync, kFailedPlan, EBADF);
    if (::write(*tasks, "0", 1) != 1) fail(arguments.sync, kFailedCgroup, errno);
  }
  if (arguments.plan.cgroup_namespace && ::unshare(CLONE_NEWCGROUP) != 0)
    fail(arguments.sync, kFailedCgroup, errno);
}

void take_stdio(const ChildArguments& arguments) {
  for (int fd = 0; fd < 3; ++fd) {
    const int source = arguments.stdio.at(static_cast<std::size_t>(fd));
    if (source >= 0 && ::dup2(source, fd) < 0) fail(arguments.sync, kFailedStdio, errno);
  }
}

void wait_for_go(int sync) {
  const SyncPacket ready{.kind = SyncKind::kReady, .operation = 0, .sys_errno = 0};
  if (::send(sync, &ready, sizeof ready, MSG_NOSIGNAL) < 0) ::_exit(1);
  char go = 0;
  ssize_t got = 0;
  do {
    got = ::recv(sync, &go, 1, 0);
  } while (got < 0 && errno == EINTR);
  if (got != 1) ::_exit(1);
}

}  // namespace

void run_child(const ChildArguments& arguments) {
  const int sync = arguments.sync;
  die_with_shim(sync);
  leave_our_process_state(arguments);
  join_cgroups(arguments);
  take_stdio(arguments);

  // Modes in the plan are meant as they are.
  ::umask(0);
  OperationState state{.fds = arguments.fds};
  const auto failure = interpret(arguments.plan.operations, state);
  if (failure) fail(sync, static_cast<std::int32_t>(failure->operation), failure->sys_errno);
  ::umask(kUmask);

  PreparedExec exec(arguments.plan.exec);
  // Everything but stdio, known or not, ends with the exec.
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) fail(sync, kFailedExec, errno);
  // Again: a change of ids takes the death signal away for a moment.
  die_with_shim(sync);
  wait_for_go(sync);
  fail(sync, kFailedExec, exec.run());
}

}  // namespace skerry::launcher
