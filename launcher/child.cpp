#include "launcher/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>
#include <utility>
#include <variant>

#include "launcher/descriptors.h"
#include "launcher/exec.h"
#include "launcher/interpreter.h"
#include "launcher/pod_init.h"
#include "launcher/read_plan.h"
#include "launcher/shim_protocol.h"
#include "launcher/terminal.h"
#include "launcher/title.h"
#include "os/path.h"
#include "os/pty.h"
#include "os/socket.h"
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

// A wake-up for each of us costs more than all of this.
void stand_ready(const ChildArguments& arguments) {
  const int sync = arguments.sync;
  const SyncPacket ready{.kind = SyncKind::kReady, .operation = 0, .sys_errno = 0};
  if (::send(sync, &ready, sizeof ready, MSG_NOSIGNAL) < 0) ::_exit(1);
  if (!arguments.plan.hold) return;
  char go = 0;
  ssize_t got = 0;
  do {
    got = ::recv(sync, &go, 1, 0);
  } while (got < 0 && errno == EINTR);
  if (got != 1) ::_exit(1);
}

// What was the shim's, and what was needed for the cgroups.
void drop_descriptors(const ChildArguments& arguments) {
  auto kept = arguments.fds.numbers();
  kept.push_back(arguments.sync);
  close_all_but(std::move(kept));
}

void tell(int sync, SyncKind kind, std::span<const int> fds) {
  const SyncPacket packet{.kind = kind, .operation = 0, .sys_errno = 0};
  const auto sent =
      os::send_message(sync, {reinterpret_cast<const char*>(&packet), sizeof packet}, fds);
  if (!sent) ::_exit(1);
}

// Returns the slave.
Result<UniqueFd> make_terminal(const ChildArguments& arguments, int devpts) {
  const auto& terminal = arguments.plan.shim.terminal;
  TRY_ASSIGN(auto pty, os::open_pty(devpts, {.rows = terminal.rows, .columns = terminal.columns}));
  const std::array fds = {pty.master.get(), pty.slave.get()};
  tell(arguments.sync, SyncKind::kTerminal, fds);
  TRY(take_terminal(pty.slave.get()));
  return std::move(pty.slave);
}

// Cgroups were joined before, where they can be named. The root directory becomes that of the mount
// namespace, on top of all that lies there.
void enter_container(const ChildArguments& arguments) {
  const int sync = arguments.sync;
  const auto& enter = arguments.plan.enter;
  const auto& terminal = arguments.plan.shim.terminal;
  const auto process = arguments.fds.take(enter.process);
  const auto devpts = arguments.fds.take(terminal.devpts);
  if (!process || !devpts) fail(sync, kFailedPlan, EBADF);
  arguments.fds = FdTable();
  // That of the pid namespace was for the clone.
  const auto namespaces = enter.namespaces & ~static_cast<std::uint64_t>(CLONE_NEWPID);
  if (::setns(process->get(), static_cast<int>(namespaces)) != 0) fail(sync, kFailedEnter, errno);
  if (!terminal.wanted) return;
  const auto slave = make_terminal(arguments, devpts->get());
  if (!slave) fail(sync, kFailedTerminal, slave.error().sys_errno());
}

// With all mounts in place, and all privileges.
void finish_mounts(const ChildArguments& arguments, OperationState& state) {
  if (state.devpts) {
    const int devpts = state.devpts.get();
    tell(arguments.sync, SyncKind::kDevpts, std::span(&devpts, 1));
  }
  const bool is_exec = arguments.plan.enter.process != plan::kNoFd;
  if (is_exec || !arguments.plan.shim.terminal.wanted) return;
  const auto slave = make_terminal(arguments, state.devpts.get());
  if (!slave) fail(arguments.sync, kFailedTerminal, slave.error().sys_errno());
  const auto bound = bind_console(state, slave->get());
  if (!bound) fail(arguments.sync, kFailedTerminal, bound.error().sys_errno());
}

// Whose standard input is nothing gets the container's own null device for it, and keeps the
// launcher's if something else lies there, nothing of which is waited for.
void take_own_null_device(const ChildArguments& arguments, OperationState& state) {
  if (arguments.stdio.front() >= 0 || arguments.plan.shim.terminal.wanted) return;
  const auto root = root_of(state);
  if (!root) return;
  const auto null_device =
      os::open_in_root(*root, "/dev/null", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  struct stat info {};
  if (!null_device || ::fstat(null_device->get(), &info) != 0) return;
  if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(1, 3)) return;
  ::fcntl(null_device->get(), F_SETFL, 0);
  ::dup2(null_device->get(), STDIN_FILENO);
}

// Closed, and not marked to be closed by exec: that opens the interpreter a script of the image
// names first, and "#!/proc/self/fd/7/../../bin/sh" led from a directory of ours to the host's
// program (CVE-2024-21626).
void leave_descriptors(const ChildArguments& arguments, OperationState& state) {
  state.root.reset();
  state.devpts.reset();
  state.own_proc.reset();
  state.own_sys.reset();
  state.empty_directory.reset();
  arguments.fds = FdTable();
  close_all_but({arguments.sync});
}

// How many operations come before the descriptors are left: up to EnterRoot, after which none names
// one; none of an exec, whose descriptors are gone already. Ahead of any system call filter.
std::size_t count_mount_operations(const plan::LaunchPlan& plan) {
  if (plan.enter.process != plan::kNoFd) return 0;
  const auto enter_root =
      std::ranges::find_if(plan.operations, [](const plan::Operation& operation) {
        return std::holds_alternative<plan::EnterRoot>(operation);
      });
  return static_cast<std::size_t>(enter_root - plan.operations.begin());
}

void run_operations(const ChildArguments& arguments) {
  // Modes in the plan are meant as they are.
  ::umask(0);
  const std::span operations = arguments.plan.operations;
  const std::size_t mounts = count_mount_operations(arguments.plan);
  const bool enters_root =
      mounts < operations.size() && std::holds_alternative<plan::EnterRoot>(operations[mounts]);
  OperationState state{.fds = arguments.fds};
  const auto run = [&](std::size_t from, std::size_t count) {
    const auto failure = interpret(operations.subspan(from, count), state);
    if (!failure) return;
    fail(arguments.sync, static_cast<std::int32_t>(from + failure->operation), failure->sys_errno);
  };
  run(0, mounts);
  finish_mounts(arguments, state);
  take_own_null_device(arguments, state);
  const std::size_t rest = mounts + (enters_root ? 1 : 0);
  run(mounts, rest - mounts);
  leave_descriptors(arguments, state);
  run(rest, operations.size() - rest);
  ::umask(kUmask);
}

[[noreturn]] void become_init(const ChildArguments& arguments) {
  set_title(arguments.title, "skerry-init", arguments.plan.uid);
  hold_init_signals();
  stand_ready(arguments);
  run_pod_init();
}

// What the plan is about, once the process is where it belongs.
[[noreturn]] void carry_out(const ChildArguments& arguments) {
  const int sync = arguments.sync;
  take_stdio(arguments);
  drop_descriptors(arguments);
  if (arguments.plan.enter.process != plan::kNoFd) enter_container(arguments);
  run_operations(arguments);

  // Both again: a change of ids takes the death signal away for a moment, and leaves what
  // fs.suid_dumpable says.
  ::prctl(PR_SET_DUMPABLE, 0);
  die_with_shim(sync);
  if (arguments.plan.init) become_init(arguments);
  PreparedExec exec(arguments.plan.exec);
  stand_ready(arguments);
  fail(sync, kFailedExec, exec.run());
}

// A shim that hangs up without a plan has nothing for us to do.
[[noreturn]] void stand_by(const ChildArguments& arguments) {
  const int sync = arguments.sync;
  // It holds nothing of ours while it waits.
  arguments.fds = FdTable();
  close_all_but({sync});
  auto message = os::receive_message(sync, sizeof(SyncPacket));
  SyncPacket packet;
  if (!message || message->bytes.size() != sizeof packet || message->fds.empty()) ::_exit(1);
  std::memcpy(&packet, message->bytes.data(), sizeof packet);
  if (packet.kind != SyncKind::kFill) ::_exit(1);
  const auto plan = read_plan(message->fds.front().get());
  if (!plan) fail(sync, kFailedPlan, EBADMSG);
  ChildArguments filled{.plan = *plan, .fds = arguments.fds, .sync = sync};
  auto next = message->fds.begin() + 1;
  std::array<UniqueFd, 3> stdio;
  for (std::size_t fd = 0; fd < stdio.size(); ++fd) {
    if ((static_cast<unsigned>(packet.operation) & (1U << fd)) == 0) continue;
    if (next == message->fds.end()) fail(sync, kFailedPlan, EBADF);
    stdio.at(fd) = std::move(*next++);
    filled.stdio.at(fd) = stdio.at(fd).get();
  }
  message->fds.erase(message->fds.begin(), next);
  filled.fds = FdTable(std::move(message->fds));
  carry_out(filled);
}

}  // namespace

void run_child(const ChildArguments& arguments) {
  ::prctl(PR_SET_DUMPABLE, 0);
  die_with_shim(arguments.sync);
  leave_our_process_state(arguments);
  join_cgroups(arguments);
  if (arguments.plan.standby) stand_by(arguments);
  carry_out(arguments);
}

}  // namespace skerry::launcher
