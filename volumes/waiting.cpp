#include "volumes/waiting.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

namespace skerry::volumes {

using std::chrono::milliseconds;

milliseconds CallLimits::left() const {
  const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, milliseconds::zero());
}

Result<Wake> wait_readable(int fd, const CallLimits& limits) {
  for (;;) {
    std::array<pollfd, 2> wanted = {{{.fd = limits.cancel_fd, .events = POLLIN, .revents = 0},
                                     {.fd = fd, .events = POLLIN, .revents = 0}}};
    // A deadline far away is asked for again.
    constexpr milliseconds kLongest{60'000};
    const auto time = std::min(limits.left(), kLongest);
    const int ready = ::poll(wanted.data(), wanted.size(), static_cast<int>(time.count()));
    const int sys_errno = errno;
    if (ready < 0 && sys_errno != EINTR) return Error::from_errno(sys_errno, "poll");
    if (ready > 0) return wanted[0].revents != 0 ? Wake::kCancelled : Wake::kReadable;
    if (limits.left() == milliseconds::zero()) return Wake::kDeadline;
  }
}

Result<Wake> pause(milliseconds time, const CallLimits& limits) {
  const auto end = std::chrono::steady_clock::now() + time;
  TRY_ASSIGN(const Wake wake,
             wait_readable(
                 -1, {.deadline = std::min(end, limits.deadline), .cancel_fd = limits.cancel_fd}));
  if (wake == Wake::kDeadline && end <= limits.deadline) return Wake::kReadable;
  return wake;
}

Error cancelled(std::string_view what) {
  return Error(Code::kCancelled, fmt::format("{}: the caller gave up", what))
      .with_reason("CALL_CANCELLED");
}

}  // namespace skerry::volumes
