#include "launcher/container_process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
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

struct Stdio {
  Pipe input;
  Pipe output;
  Pipe errors;
};

Result<Stdio> make_stdio(const plan::Shim& shim) {
  Stdio stdio;
  if (shim.open_stdin) {
    TRY_ASSIGN(stdio.input, make_pipe());
  }
  if (shim.log.directory == plan::kNoFd) return stdio;
  TRY_ASSIGN(stdio.output, make_pipe());
  TRY_ASSIGN(stdio.errors, make_pipe());
  for (const auto* pipe : {&stdio.output, &stdio.errors}) {
    if (::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK) != 0)
      return Error::from_errno(errno, "make pipe non-blocking");
  }
  return stdio;
}

bool brings_mount_namespace(const plan::LaunchPlan& plan) {
  return (plan.namespaces & CLONE_NEWNS) != 0 ||
         std::ranges::any_of(plan.operations, [](const plan::Operation& operation) {
           const auto* join = std::get_if<plan::JoinNamespace>(&operation);
           return join != nullptr && join->kind == CLONE_NEWNS;
         });
}

Result<> check(const plan::LaunchPlan& plan) {
  const auto& shim = plan.shim;
  if (plan.init || plan.enter.process != plan::kNoFd || plan.join_pid_namespace != plan::kNoFd ||
      shim.terminal.wanted || shim.slow_reader != plan::SlowReader::kMisses)
    return Error::from_errno(EOPNOTSUPP, "this kind of plan");
  if ((plan.namespaces & ~kPossibleNamespaces) != 0)
    return Error::from_errno(EINVAL, "namespaces of the plan");
  // They would change the launcher's own, and every container's after this one.
  if (std::ranges::any_of(plan.operations, needs_mount_namespace) && !brings_mount_namespace(plan))
    return Error::from_errno(EINVAL, "mounts without a mount namespace");
  return {};
}

// setns(2) into a pid namespace is for the children made afterwards; this shim makes just one.
std::optional<CloneFailure> join_pid_namespace(const plan::LaunchPlan& plan, const FdTable& fds) {
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    const auto* join = std::get_if<plan::JoinNamespace>(&plan.operations[i]);
    if (join == nullptr || join->kind != CLONE_NEWPID) continue;
    const auto fd = fds.get(join->fd);
    const int sys_errno = !fd ? EBADF : ::setns(*fd, CLONE_NEWPID) != 0 ? errno : 0;
    if (sys_errno != 0)
      return CloneFailure{.operation = static_cast<std::int32_t>(i), .sys_errno = sys_errno};
  }
  return std::nullopt;
}

}  // namespace

std::expected<ContainerProcess, CloneFailure> start_container_process(const plan::LaunchPlan& plan,
                                                                      const FdTable& fds,
                                                                      int proc) {
  if (const auto checked = check(plan); !checked)
    return failure(kFailedPlan, checked.error().sys_errno());
  auto stdio = make_stdio(plan.shim);
  if (!stdio) return failure(kFailedStdio, stdio.error().sys_errno());
  std::array<int, 2> sync{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync.data()) != 0)
    return failure(kFailedStdio, errno);
  UniqueFd our_end(sync[0]);
  const UniqueFd its_end(sync[1]);
  if (::fcntl(our_end.get(), F_SETFL, O_NONBLOCK) != 0) return failure(kFailedStdio, errno);
  if (const auto failed = join_pid_namespace(plan, fds)) return Failure(*failed);

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
  if (pid < 0) return failure(kFailedClone, errno);
  if (pid == 0) {
    our_end.reset();
    run_child(
        {.plan = plan,
         .fds = fds,
         .sync = its_end.get(),
         .stdio = {stdio->input.read.get(), stdio->output.write.get(), stdio->errors.write.get()},
         .proc = proc});
  }
  return ContainerProcess{.pid = pid,
                          .pidfd = UniqueFd(pidfd),
                          .sync = std::move(our_end),
                          .input = std::move(stdio->input.write),
                          .output = std::move(stdio->output.read),
                          .errors = std::move(stdio->errors.read)};
}

}  // namespace skerry::launcher
