#include "os/poll.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace skerry::os {

Result<bool> wait_readable(int fd, SteadyTime deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return Error::from_errno(errno, "poll");
  }
}

}  // namespace skerry::os
