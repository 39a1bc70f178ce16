#include "os/foreign_path.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "os/pidfd.h"
#include "os/socket.h"
#include "os/syscalls.h"

namespace skerry::os {
namespace {

/// What the helper says; a descriptor comes with it when sys_errno is 0.
struct Answer {
  std::int32_t sys_errno = 0;
  std::int32_t is_directory = 0;
  std::int32_t is_mount_root = 0;
};

// Opens and asks for the type. AT_STATX_DONT_SYNC is content with what the open has brought.
int open_path(const char* path, std::uint64_t resolve, int statx_flags, Answer& answer) {
  const int fd =
      sys::openat2(AT_FDCWD, path, {.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = resolve});
  if (fd < 0) {
    answer.sys_errno = errno;
    return -1;
  }
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH | statx_flags, STATX_TYPE, &status) != 0) {
    answer.sys_errno = errno;
    UniqueFd(fd).reset();
    return -1;
  }
  answer.is_directory = S_ISDIR(status.stx_mode) ? 1 : 0;
  answer.is_mount_root = (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 ? 1 : 0;
  return fd;
}

// In a copy of a threaded process: system calls only, no allocation.
void send_answer(int socket, Answer answer, int fd) {
  iovec part{.iov_base = &answer, .iov_len = sizeof(answer)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  }
  static_cast<void>(::sendmsg(socket, &message, MSG_NOSIGNAL));
}

[[noreturn]] void helper_main(int socket, const char* path, int statx_flags) {
  // A helper that hangs must hold nothing of the daemon's: an overlay's descriptor would keep its
  // directories busy. Nor must it outlive the daemon, as far as the kernel can help it.
  const auto own = static_cast<unsigned>(socket);
  if (own > 0) static_cast<void>(::close_range(0, own - 1, 0));
  static_cast<void>(::close_range(own + 1, ~0U, 0));
  static_cast<void>(::prctl(PR_SET_PDEATHSIG, SIGKILL));
  Answer answer;
  const int fd = open_path(path, 0, statx_flags, answer);
  send_answer(socket, answer, fd);
  ::_exit(0);
}

ForeignPath opened(UniqueFd fd, const Answer& answer) {
  return {.fd = std::move(fd),
          .is_directory = answer.is_directory != 0,
          .is_mount_root = answer.is_mount_root != 0};
}

Error hangs(Code code, const std::string& path, std::string_view why) {
  return Error(code, fmt::format("open \"{}\": {}", path, why))
      .with_reason("PATH_HANGS")
      .as_retryable();
}

/// True when there is something to receive before the deadline.
Result<bool> wait_readable(int socket, std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() < 0) return false;
    pollfd wanted{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(left.count()) + 1);
    const int sys_errno = errno;
    if (ready > 0) return true;
    if (ready < 0 && sys_errno != EINTR) return Error::from_errno(sys_errno, "poll a path helper");
  }
}

Result<ForeignPath> receive_answer(int socket, const std::string& path) {
  TRY_ASSIGN(Message message, receive_message(socket, sizeof(Answer), 1));
  Answer answer;
  if (message.bytes.size() != sizeof(answer))
    return Error(Code::kInternal, fmt::format("open \"{}\": helper broke off", path));
  std::memcpy(&answer, message.bytes.data(), sizeof(answer));
  if (answer.sys_errno != 0)
    return Error::from_errno(answer.sys_errno, fmt::format("open \"{}\"", path));
  if (message.fds.size() != 1)
    return Error(Code::kInternal, fmt::format("open \"{}\": helper sent no descriptor", path));
  return opened(std::move(message.fds.front()), answer);
}

}  // namespace

Result<ForeignPath> ForeignPaths::open(const std::string& path,
                                       std::chrono::milliseconds deadline) {
  Answer answer;
  UniqueFd fd(open_path(path.c_str(), RESOLVE_CACHED, AT_STATX_DONT_SYNC, answer));
  if (fd) return opened(std::move(fd), answer);
  // EAGAIN: the kernel would have to ask the file system. EINVAL: it does not know the flag.
  if (answer.sys_errno != EAGAIN && answer.sys_errno != EINVAL)
    return Error::from_errno(answer.sys_errno, fmt::format("open \"{}\"", path));
  return open_in_helper(path, deadline, AT_STATX_DONT_SYNC);
}

Result<ForeignPath> ForeignPaths::open_alive(const std::string& path,
                                             std::chrono::milliseconds deadline) {
  return open_in_helper(path, deadline, AT_STATX_FORCE_SYNC);
}

Result<ForeignPath> ForeignPaths::open_in_helper(const std::string& path,
                                                 std::chrono::milliseconds deadline,
                                                 int statx_flags) {
  if (reap_stuck() >= max_stuck_)
    return hangs(Code::kUnavailable, path, fmt::format("{} helpers hang already", max_stuck_));
  TRY_ASSIGN(auto pair, make_socket_pair());
  int pidfd = -1;
  sys::CloneArgs args;
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const pid_t pid = sys::clone3(args);
  const int sys_errno = errno;
  if (pid < 0) return Error::from_errno(sys_errno, "start a path helper");
  if (pid == 0) helper_main(pair.second.get(), path.c_str(), statx_flags);
  UniqueFd process(pidfd);
  pair.second.reset();

  const auto ready = wait_readable(pair.first.get(), deadline);
  auto result =
      !ready ? Result<ForeignPath>(ready.error())
      : !*ready
          ? Result<ForeignPath>(hangs(Code::kDeadlineExceeded,
                                      path,
                                      fmt::format("no answer within {} ms", deadline.count())))
          : receive_answer(pair.first.get(), path);
  end_helper(std::move(process));
  return result;
}

void ForeignPaths::end_helper(UniqueFd pidfd) {
  static_cast<void>(send_signal(pidfd.get(), SIGKILL));
  // One that answered is gone in a moment; one that does not die is left for later.
  constexpr std::chrono::milliseconds kMoment{20};
  static_cast<void>(wait_for_end(pidfd.get(), kMoment));
  const auto reaped = reap(pidfd.get());
  if (reaped && !*reaped) {
    const std::lock_guard lock(mutex_);
    stuck_.push_back(std::move(pidfd));
  }
}

std::size_t ForeignPaths::reap_stuck() {
  const std::lock_guard lock(mutex_);
  std::erase_if(stuck_, [](const UniqueFd& pidfd) {
    const auto reaped = reap(pidfd.get());
    return !reaped || reaped->has_value();
  });
  return stuck_.size();
}

Result<> detach_dead_mount(int fd) {
  // By the descriptor: a path could lead to another mount by now.
  const auto link = fmt::format("/proc/self/fd/{}", fd);
  if (::umount2(link.c_str(), MNT_DETACH) != 0) return Error::from_errno(errno, "detach mount");
  return {};
}

}  // namespace skerry::os
