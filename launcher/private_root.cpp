#include "launcher/private_root.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "os/mount.h"
#include "os/syscalls.h"

namespace skerry::launcher {

// The new root is laid over the old one and both change places, which needs no directory anywhere.
Result<> enter_private_root() {
  if (::unshare(CLONE_NEWNS) != 0) return Error::from_errno(errno, "unshare mount namespace");
  // Nothing done here may be seen by the host.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return Error::from_errno(errno, "make mounts private");
  TRY_ASSIGN(const auto root,
             os::make_tmpfs(
                 {.size = Bytes(4096),
                  .inodes = 1,
                  .mode = 0555,
                  .flags = {.read_only = true, .nosuid = true, .nodev = true, .noexec = true}}));
  if (::move_mount(root.get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return Error::from_errno(errno, "attach root");
  if (::fchdir(root.get()) != 0) return Error::from_errno(errno, "enter root");
  if (os::sys::pivot_root(".", ".") != 0) return Error::from_errno(errno, "pivot root");
  // Both are at "." now, the old one on top.
  if (::umount2(".", MNT_DETACH) != 0) return Error::from_errno(errno, "unmount old root");
  if (::chdir("/") != 0) return Error::from_errno(errno, "enter root");
  return {};
}

}  // namespace skerry::launcher
