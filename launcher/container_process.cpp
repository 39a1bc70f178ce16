#include "launcher/container_process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>
#include <variant>

#include "launcher/child.h"
#include "launcher/interpreter.h"
#include "launcher/shim_protocol.h"
#include "os/syscalls.h"

namespace skerry::launcher {
namespace {

// A user namespace needs id maps, for which the plan has no words yet; the cgroup namespace comes
// after the join.
constexpr std::uint64_t kPossibleNamespaces =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;

using Failure = std::unexpected<CloneFailure>;

Failure failure(std::int32_t operation, int sys_errno) {
  return Failure(CloneFailure{.operation = operation, .sys_errno = sys_errno});
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "make pipe");
  return Pipe{.read = UniqueFd(fds[0]), .write = UniqueFd(fds[1])};
}

bool brings_mount_namespace(const plan::LaunchPlan& plan) {
  return (plan.namespaces & CLONE_NEWNS) != 0 ||
         std::ranges::any_of(plan.operations, [](const plan::Operation& operation) {
           const auto* join = std::get_if<plan::JoinNamespace>(&operation);
           return join != nullptr && join->kind == CLONE_NEWNS;
         });
}

Error contradiction(std::string_view what) { return Error::from_errno(EINVAL, what); }

// An exec makes nothing and mounts nothing: the container is what it is.
Result<> check_exec(const plan::LaunchPlan& plan) {
  constexpr std::uint64_t kPossible = kPossibleNamespaces | CLONE_NEWCGROUP;
  if ((plan.enter.namespaces & CLONE_NEWNS) == 0 || (plan.enter.namespaces & ~kPossible) != 0)
    return contradiction("namespaces to enter");
  if (plan.namespaces != 0 || plan.cgroup_namespace || plan.join_pid_namespace != plan::kNoFd)
    return contradiction("namespaces of an exec");
  if (plan.init || std::ranges::any_of(plan.operations, needs_mount_namespace))
    return contradiction("operations of an exec");
  return {};
}

}  // namespace

Result<ChildStdio> make_stdio(const plan::Shim& shim, ContainerProcess& process) {
  ChildStdio child;
  if (shim.terminal.wanted) return child;
  if (shim.open_stdin) {
    TRY_ASSIGN(Pipe input, make_pipe());
    process.input = std::move(input.write);
    child.input = std::move(input.read);
  }
  TRY_ASSIGN(Pipe output, make_pipe());
  TRY_ASSIGN(Pipe errors, make_pipe());
  for (const auto* pipe : {&output, &errors}) {
    if (::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK) != 0)
      return Error::from_errno(errno, "make pipe non-blocking");
  }
  process.output = std::move(output.read);
  process.errors = std::move(errors.read);
  child.output = std::move(output.write);
  child.errors = std::move(errors.write);
  return child;
}

Result<> check_plan(const plan::LaunchPlan& plan) {
  const auto& shim = plan.shim;
  // With a log nothing is lost, and waiting for two would be waiting for the slower one.
  if (shim.slow_reader == plan::SlowReader::kIsWaitedFor && shim.log.directory != plan::kNoFd)
    return contradiction("a reader waited for beside a log");
  if (plan.enter.process != plan::kNoFd) return check_exec(plan);
  if ((plan.namespaces & ~kPossibleNamespaces) != 0) return contradiction("namespaces");
  if (plan.join_pid_namespace != plan::kNoFd && (plan.namespaces & CLONE_NEWPID) != 0)
    return contradiction("a new and a joined pid namespace");
  // Orphans come to the first process of a namespace only.
  if (plan.init && (plan.namespaces & CLONE_NEWPID) == 0) return contradiction("init");
  // They would change the launcher's own, and every container's after this one.
  if (std::ranges::any_of(plan.operations, needs_mount_namespace) && !brings_mount_namespace(plan))
    return contradiction("mounts without a mount namespace");
  return {};
}

namespace {

// The descriptor whose pid namespace the process is to be born in.
plan::FdIndex pid_namespace_of(const plan::LaunchPlan& plan) {
  if ((plan.enter.namespaces & CLONE_NEWPID) != 0) return plan.enter.process;
  return plan.join_pid_namespace;
}

// setns(2) into a pid namespace is for the children made afterwards; this shim makes just one.
// Returns an errno value.
int join_pid_namespace(const plan::LaunchPlan& plan, const FdTable& fds) {
  const auto index = pid_namespace_of(plan);
  if (index == plan::kNoFd) return 0;
  const auto fd = fds.get(index);
  if (!fd) return EBADF;
  return ::setns(*fd, CLONE_NEWPID) == 0 ? 0 : errno;
}

// ENOMEM is what clone says of a pid namespace whose first process has ended.
Failure clone_failure(const plan::LaunchPlan& plan, int sys_errno) {
  if (sys_errno == ENOMEM && pid_namespace_of(plan) != plan::kNoFd)
    return failure(kFailedEnter, ESRCH);
  return failure(kFailedClone, sys_errno);
}

}  // namespace

std::expected<ContainerProcess, CloneFailure> start_container_process(
    const plan::LaunchPlan& plan, FdTable& fds, const ProcessContext& context) {
  if (const auto checked = check_plan(plan); !checked)
    return failure(kFailedPlan, checked.error().sys_errno());
  ContainerProcess process;
  Result<ChildStdio> stdio;
  // A standby process gets its own with the plan.
  if (!plan.standby) stdio = make_stdio(plan.shim, process);
  if (!stdio) return failure(kFailedStdio, stdio.error().sys_errno());
  std::array<int, 2> sync{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync.data()) != 0)
    return failure(kFailedStdio, errno);
  UniqueFd our_end(sync[0]);
  const UniqueFd its_end(sync[1]);
  if (::fcntl(our_end.get(), F_SETFL, O_NONBLOCK) != 0) return failure(kFailedStdio, errno);
  if (const int sys_errno = join_pid_namespace(plan, fds); sys_errno != 0)
    return failure(kFailedEnter, sys_errno);

  int pidfd = -1;
  os::sys::CloneArgs args;
  args.flags = plan.namespaces | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (plan.join.clone_into != plan::kNoFd) {
    const auto cgroup = fds.get(plan.join.clone_into);
    if (!cgroup) return failure(kFailedPlan, EBADF);
    args.flags |= os::sys::kCloneIntoCgroup;
    args.cgroup = static_cast<std::uint64_t>(*cgroup);
  }
  const pid_t pid = os::sys::clone3(args);
  if (pid < 0) return clone_failure(plan, errno);
  if (pid == 0) {
    our_end.reset();
    run_child({.plan = plan,
               .fds = fds,
               .sync = its_end.get(),
               .stdio = {stdio->input.get(), stdio->output.get(), stdio->errors.get()},
               .proc = context.proc,
               .title = context.title});
  }
  process.pid = pid;
  process.pidfd.reset(pidfd);
  process.sync = std::move(our_end);
  return process;
}

}  // namespace skerry::launcher
