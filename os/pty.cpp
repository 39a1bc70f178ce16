#include "os/pty.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <cerrno>

#include "os/syscalls.h"

namespace skerry::os {
namespace {

constexpr ino_t kDevptsRootInode = 1;

bool is_on_devpts(int fd) {
  struct statfs info {};
  return ::fstatfs(fd, &info) == 0 && info.f_type == DEVPTS_SUPER_MAGIC;
}

Error not_devpts(int sys_errno) {
  return Error::from_errno(sys_errno, "open terminal").with_code(Code::kFailedPrecondition);
}

// Neither a link nor another mount on the one step there is.
Result<UniqueFd> open_master(int devpts) {
  if (!is_devpts_root(devpts)) return not_devpts(ENODEV);
  UniqueFd master(
      sys::openat2(devpts,
                   "ptmx",
                   {.flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
                    .mode = 0,
                    .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS}));
  if (!master) return not_devpts(errno);
  struct stat info {};
  if (::fstat(master.get(), &info) != 0) return Error::from_errno(errno, "look at terminal");
  if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(5, 2) || !is_on_devpts(master.get()))
    return not_devpts(ENODEV);
  return master;
}

}  // namespace

bool is_devpts_root(int fd) {
  struct stat info {};
  return is_on_devpts(fd) && ::fstat(fd, &info) == 0 && info.st_ino == kDevptsRootInode;
}

Result<Pty> open_pty(int devpts, WindowSize size) {
  TRY_ASSIGN(auto master, open_master(devpts));
  int locked = 0;
  if (::ioctl(master.get(), TIOCSPTLCK, &locked) != 0)
    return Error::from_errno(errno, "unlock terminal");
  UniqueFd slave(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return Error::from_errno(errno, "open terminal's other end");
  TRY(set_window_size(slave.get(), size));
  return Pty{.master = std::move(master), .slave = std::move(slave)};
}

Result<> set_window_size(int terminal, WindowSize size) {
  const winsize value{.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
  if (::ioctl(terminal, TIOCSWINSZ, &value) != 0)
    return Error::from_errno(errno, "set window size");
  return {};
}

}  // namespace skerry::os
