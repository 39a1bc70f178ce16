#include "launcher/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "os/mount.h"
#include "os/path.h"
#include "os/syscalls.h"

namespace skerry::launcher {

Result<> take_terminal(int slave) {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::dup2(slave, fd) < 0) return Error::from_errno(errno, "take terminal");
  }
  if (::ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
    return Error::from_errno(errno, "take controlling terminal");
  return {};
}

Result<> bind_console(OperationState& state, int slave) {
  constexpr mode_t kMode = 0600;
  TRY_ASSIGN(const int root, root_of(state));
  TRY_ASSIGN(const auto dev, os::open_in_root(root, "/dev", O_PATH | O_DIRECTORY));
  const UniqueFd target(
      os::sys::openat2(dev.get(),
                       "console",
                       {.flags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        .mode = kMode,
                        .resolve = 0}));
  if (!target && errno == EEXIST) return {};
  if (!target) return Error::from_errno(errno, "make /dev/console");
  TRY_ASSIGN(const auto mount,
             os::clone_tree({.dir = slave, .path = ""}, os::MountScope::kOne, {}));
  return os::attach_mount(mount.get(), target.get());
}

}  // namespace skerry::launcher
