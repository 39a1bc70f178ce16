#include "os/pidfd.h"

#include <poll.h>
#include <sys/wait.h>

#include <cerrno>

#include <fmt/format.h>

#include "os/path.h"
#include "os/proc_files.h"
#include "os/syscalls.h"

namespace skerry::os {
namespace {

constexpr std::size_t kMaxStatBytes = 4096;

Result<std::optional<ExitStatus>> wait_child(int pidfd, int flags) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | __WALL | flags) != 0) {
    const int sys_errno = errno;
    if (sys_errno == EINTR) continue;
    return Error::from_errno(sys_errno, "wait for child")
        .with_code(sys_errno == ECHILD ? Code::kFailedPrecondition : Code::kInternal);
  }
  if (info.si_pid == 0) return std::optional<ExitStatus>{};
  ExitStatus status;
  if (info.si_code == CLD_EXITED) {
    status.code = info.si_status;
  } else {
    status.signal = info.si_status;
    status.core_dumped = info.si_code == CLD_DUMPED;
  }
  return std::optional<ExitStatus>(status);
}

}  // namespace

ExitStatus decode_wait_status(int status) {
  if (WIFSIGNALED(status))
    return {.code = 0, .signal = WTERMSIG(status), .core_dumped = WCOREDUMP(status) != 0};
  return {.code = WEXITSTATUS(status), .signal = 0, .core_dumped = false};
}

Result<ProcessRef> open_process(pid_t pid) {
  UniqueFd pidfd(sys::pidfd_open(pid, 0));
  if (!pidfd) return Error::from_errno(errno, fmt::format("open process {}", pid));
  TRY_ASSIGN(const auto start_ticks, read_start_ticks(pid));
  // /proc was read by number: it was ours only if ours still holds the number now.
  if (sys::pidfd_send_signal(pidfd.get(), 0) != 0 && errno == ESRCH)
    return Error::from_errno(ESRCH, fmt::format("open process {}", pid));
  return ProcessRef{.pid = pid, .pidfd = std::move(pidfd), .start_ticks = start_ticks};
}

Result<ProcessRef> open_process(pid_t pid, std::uint64_t start_ticks) {
  TRY_ASSIGN(auto process, open_process(pid));
  if (process.start_ticks != start_ticks)
    return Error(Code::kNotFound, fmt::format("process {} is another one by now", pid));
  return process;
}

Result<std::uint64_t> read_start_ticks(pid_t pid) {
  TRY_ASSIGN(const auto text, read_file(fmt::format("/proc/{}/stat", pid), kMaxStatBytes));
  const auto stat = parse_process_stat(text);
  if (!stat) return Error(Code::kInternal, fmt::format("/proc/{}/stat is not readable", pid));
  return stat->start_ticks;
}

Result<> send_signal(int pidfd, int signal) {
  if (sys::pidfd_send_signal(pidfd, signal) != 0 && errno != ESRCH)
    return Error::from_errno(errno, fmt::format("send signal {}", signal));
  return {};
}

Result<bool> is_alive(int pidfd) {
  auto ended = wait_for_end(pidfd, std::chrono::milliseconds(0));
  if (ended) return false;
  if (ended.error().code() == Code::kDeadlineExceeded) return true;
  return std::move(ended).error();
}

Result<> wait_for_end(int pidfd, std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  auto left = deadline;
  while (true) {
    pollfd entry{.fd = pidfd, .events = POLLIN, .revents = 0};
    const int count = ::poll(&entry, 1, static_cast<int>(left.count()));
    if (count > 0) {
      if ((entry.revents & POLLNVAL) != 0) return Error::from_errno(EBADF, "poll process");
      return {};
    }
    if (count == 0) return Error(Code::kDeadlineExceeded, "process has not ended");
    if (errno != EINTR) return Error::from_errno(errno, "poll process");
    left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    left = std::max(left, std::chrono::milliseconds(0));
  }
}

Result<std::optional<ExitStatus>> reap(int pidfd) { return wait_child(pidfd, WNOHANG); }

Result<ExitStatus> wait_and_reap(int pidfd) {
  TRY_ASSIGN(const auto status, wait_child(pidfd, 0));
  return *status;
}

Result<std::optional<ExitStatus>> exit_status_of_reaped(int pidfd) {
  sys::PidfdInfo info;
  info.mask = sys::kPidfdInfoExit;
  if (sys::pidfd_get_info(pidfd, info) != 0) {
    // ENOTTY, EINVAL: a kernel without it. ESRCH: gone, and the status was not kept.
    const int sys_errno = errno;
    if (sys_errno == ENOTTY || sys_errno == EINVAL || sys_errno == ESRCH)
      return std::optional<ExitStatus>{};
    return Error::from_errno(sys_errno, "read exit status from pidfd");
  }
  if ((info.mask & sys::kPidfdInfoExit) == 0) return std::optional<ExitStatus>{};
  return std::optional<ExitStatus>(decode_wait_status(info.exit_code));
}

}  // namespace skerry::os
