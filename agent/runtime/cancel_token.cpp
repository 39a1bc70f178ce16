#include "agent/runtime/cancel_token.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace skerry::runtime {
namespace {

void signal_event(int fd) {
  const std::uint64_t one = 1;
  // Cannot fail: the counter goes from 0 to 1, once; eventfd(2).
  if (::write(fd, &one, sizeof one) < 0) return;
}

std::optional<timespec> time_left(SteadyTime deadline) {
  if (deadline == SteadyTime::max()) return std::nullopt;
  const auto left =
      std::max(deadline - std::chrono::steady_clock::now(), SteadyTime::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return timespec{.tv_sec = seconds.count(),
                  .tv_nsec = std::chrono::nanoseconds(left - seconds).count()};
}

}  // namespace

void CancelToken::cancel(Error reason) {
  {
    const MutexLock lock(mutex_);
    if (reason_.has_value()) return;
    reason_ = std::move(reason);
    cancelled_.store(true, std::memory_order_release);
    if (event_) signal_event(event_.get());
  }
  // Callbacks are not called under the lock.
  stop_.request_stop();
}

Result<> CancelToken::check() const {
  if (!cancelled()) return {};
  const MutexLock lock(mutex_);
  return *reason_;
}

Result<int> CancelToken::fd() {
  const MutexLock lock(mutex_);
  if (!event_) {
    event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event_) return Error::from_errno(errno, "eventfd");
    if (reason_.has_value()) signal_event(event_.get());
  }
  return event_.get();
}

Result<short> CancelToken::wait_for(int fd, short events, SteadyTime deadline) {
  TRY_ASSIGN(const int cancel_fd, this->fd());
  for (;;) {
    // A negative descriptor is skipped by the kernel; poll(2).
    std::array<pollfd, 2> polled{pollfd{.fd = fd, .events = events, .revents = 0},
                                 pollfd{.fd = cancel_fd, .events = POLLIN, .revents = 0}};
    const std::optional<timespec> left = time_left(deadline);
    const int count =
        ::ppoll(polled.data(), polled.size(), left.has_value() ? &*left : nullptr, nullptr);
    if (count < 0) {
      const int error = errno;
      if (error == EINTR) continue;
      return Error::from_errno(error, "ppoll");
    }
    TRY(check());
    if (polled[0].revents != 0) return polled[0].revents;
    if (count == 0) return Error(Code::kDeadlineExceeded, "deadline reached").as_retryable();
  }
}

}  // namespace skerry::runtime
