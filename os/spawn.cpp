#include "os/spawn.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <set>

#include <fmt/format.h>

#include "os/syscalls.h"

namespace skerry::os {
namespace {

/// Everything the child needs, made before it exists, and what it reports back. The child shares
/// our memory while we wait for its exec, so it allocates nothing and only makes system calls.
struct Launch {
  const Command& command;
  std::vector<const char*> arguments;
  std::vector<const char*> environment;
  /// Target numbers in rising order, with the descriptors they get.
  std::vector<std::pair<int, int>> fds;
  int program_fd = -1;
  const char* failed_call = nullptr;
  int sys_errno = 0;

  int fail(const char* call) {
    sys_errno = errno;
    failed_call = call;
    return 127;
  }
};

bool reset_signals() {
  struct sigaction ordinary {};
  ordinary.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    // SIGKILL, SIGSTOP and the two that the C library keeps refuse, rightly.
    (void)::sigaction(signal, &ordinary, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  return ::pthread_sigmask(SIG_SETMASK, &none, nullptr) == 0;
}

bool join_group(const CgroupJoin& join) {
  return std::ranges::all_of(
      join.tasks, [](const UniqueFd& tasks) { return ::write(tasks.get(), "0", 1) == 1; });
}

// In two rounds, because a source may have the number of somebody's target: first all go above
// every target, then each to its place. Between and above the targets everything closes at exec.
bool place_fds(Launch& launch) {
  const int above = launch.fds.back().first + 1;
  for (auto& [target, source] : launch.fds) {
    source = ::fcntl(source, F_DUPFD_CLOEXEC, above);
    if (source < 0) return false;
  }
  if (launch.program_fd >= 0) {
    launch.program_fd = ::fcntl(launch.program_fd, F_DUPFD_CLOEXEC, above);
    if (launch.program_fd < 0) return false;
  }
  unsigned next = 0;
  for (const auto& [target, source] : launch.fds) {
    const auto number = static_cast<unsigned>(target);
    if (number > next && ::close_range(next, number - 1, CLOSE_RANGE_CLOEXEC) != 0) return false;
    if (::dup2(source, target) < 0) return false;
    next = number + 1;
  }
  return ::close_range(next, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

int child(void* argument) {
  auto& launch = *static_cast<Launch*>(argument);
  const Command& command = launch.command;
  if (::setpgid(0, 0) != 0) return launch.fail("make process group for");
  if (command.cgroup != nullptr && !join_group(*command.cgroup))
    return launch.fail("join control groups for");
  if (command.dies_with_parent && ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    return launch.fail("set parent death signal for");
  if (command.directory && ::chdir(command.directory->c_str()) != 0)
    return launch.fail("change directory for");
  if (!place_fds(launch)) return launch.fail("place descriptors for");
  if (!reset_signals()) return launch.fail("reset signals for");
  auto* const arguments = const_cast<char* const*>(launch.arguments.data());
  auto* const environment = const_cast<char* const*>(launch.environment.data());
  if (launch.program_fd >= 0) {
    ::execveat(launch.program_fd, "", arguments, environment, AT_EMPTY_PATH);
  } else {
    ::execve(command.program.c_str(), arguments, environment);
  }
  return launch.fail("execute");
}

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) out.push_back(text.c_str());
  out.push_back(nullptr);
  return out;
}

Result<> check(const Command& command) {
  const bool by_path = !command.program.empty();
  if (by_path == (command.program_fd >= 0) || (by_path && command.program.front() != '/') ||
      command.arguments.empty()) {
    return Error(Code::kInvalidArgument, fmt::format("command \"{}\"", command.program));
  }
  std::set<int> targets;
  for (const auto& [target, source] : command.fds) {
    if (target < 0 || source < 0 || !targets.insert(target).second)
      return Error(Code::kInvalidArgument, fmt::format("descriptor {} as {}", source, target));
  }
  return {};
}

/// The descriptors asked for, and /dev/null for the standard ones that were not.
std::vector<std::pair<int, int>> all_fds(const Command& command, int null) {
  auto fds = command.fds;
  for (const int standard : {0, 1, 2}) {
    const auto is_it = [&](const auto& entry) { return entry.first == standard; };
    if (std::ranges::none_of(fds, is_it)) fds.emplace_back(standard, null);
  }
  std::ranges::sort(fds);
  return fds;
}

pid_t clone_child(Launch& launch, int& pidfd) {
  alignas(16) std::array<char, 32UL * 1024> stack;
  sys::CloneArgs args;
  args.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  args.stack = reinterpret_cast<std::uintptr_t>(stack.data());
  args.stack_size = stack.size();
  const auto* cgroup = launch.command.cgroup;
  if (cgroup != nullptr && cgroup->clone_into) {
    args.flags |= sys::kCloneIntoCgroup;
    args.cgroup = static_cast<std::uint64_t>(cgroup->clone_into.get());
  }
  // A signal handler of ours must not run in the child, on our memory.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = sys::clone3_call(args, child, &launch);
  const int sys_errno = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = sys_errno;
  return pid;
}

}  // namespace

Result<ProcessRef> spawn(const Command& command) {
  TRY(check(command));
  const std::string name = command.program.empty() ? command.arguments.front() : command.program;
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return Error::from_errno(errno, "open \"/dev/null\"");
  Launch launch{.command = command,
                .arguments = pointers(command.arguments),
                .environment = pointers(command.environment),
                .fds = all_fds(command, null.get()),
                .program_fd = command.program_fd};
  int pidfd = -1;
  const pid_t pid = clone_child(launch, pidfd);
  if (pid < 0) return Error::from_errno(errno, fmt::format("clone for \"{}\"", name));
  ProcessRef process{.pid = pid, .pidfd = UniqueFd(pidfd), .start_ticks = 0};
  if (launch.failed_call != nullptr) {
    TRY(wait_and_reap(process.pidfd.get()));
    return Error::from_errno(launch.sys_errno, fmt::format("{} \"{}\"", launch.failed_call, name));
  }
  TRY_ASSIGN(process.start_ticks, read_start_ticks(pid));
  return process;
}

}  // namespace skerry::os
