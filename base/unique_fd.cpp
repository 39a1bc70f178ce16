#include "base/unique_fd.h"

#include <unistd.h>

#include <cerrno>

namespace skerry {

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) {
    // Destructors run between a failed call and the reading of its errno.
    const int saved = errno;
    ::close(fd_);
    errno = saved;
  }
  fd_ = fd;
}

}  // namespace skerry
