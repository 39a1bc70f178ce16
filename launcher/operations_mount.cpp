#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/operations.h"
#include "os/mount.h"
#include "os/path.h"
#include "os/pty.h"
#include "os/syscalls.h"

namespace skerry::launcher {
namespace {

constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;

// A mount on the root itself would lie over what EnterRoot enters.
Result<> refuse_root(const std::string& target) {
  if (target.find_first_not_of("/.") == std::string::npos)
    return Error::from_errno(EINVAL, "mount onto the root directory");
  return {};
}

// Links in what was mounted before, which nobody could look at while the plan was made, may lead
// where no mount of the user's may go: /proc and /sys are looked after by masks, and read; the root
// of an exec would be another one than the container's.
Result<> refuse_by_file_system(int root, int fd, const std::string& target) {
  struct stat top {};
  struct stat there {};
  if (::fstat(root, &top) != 0 || ::fstat(fd, &there) != 0)
    return Error::from_errno(errno, "look at mount target");
  if (top.st_dev == there.st_dev && top.st_ino == there.st_ino)
    return Error::from_errno(EXDEV, "a link leads to the root directory");
  if (target.starts_with("/proc/") || target.starts_with("/sys/")) return {};
  struct statfs info {};
  if (::fstatfs(fd, &info) != 0) return Error::from_errno(errno, "look at file system");
  if (info.f_type == PROC_SUPER_MAGIC || info.f_type == SYSFS_MAGIC)
    return Error::from_errno(EXDEV, "a link leads to the kernel's files");
  return {};
}

// An image whose directory others can write to may have another directory, or a link, there by now.
Result<UniqueFd> open_own(int root, const std::string& target, long magic) {
  UniqueFd fd(os::sys::openat2(root,
                               target.c_str(),
                               {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                .mode = 0,
                                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS}));
  if (!fd) return Error::from_errno(errno, "find \"" + target + "\" again");
  struct statfs info {};
  if (::fstatfs(fd.get(), &info) != 0) return Error::from_errno(errno, "look at file system");
  if (info.f_type != magic) return Error::from_errno(EXDEV, "find \"" + target + "\" again");
  return fd;
}

Result<> remember(OperationState& state, int root, const plan::MountPseudo& operation) {
  if (operation.type == "proc" && operation.target == "/proc") {
    TRY_ASSIGN(state.own_proc, open_own(root, operation.target, PROC_SUPER_MAGIC));
  } else if (operation.type == "sysfs" && operation.target == "/sys") {
    TRY_ASSIGN(state.own_sys, open_own(root, operation.target, SYSFS_MAGIC));
  } else if (operation.type == "devpts" && !state.devpts) {
    TRY_ASSIGN(state.devpts, os::open_in_root(root, operation.target, O_PATH | O_DIRECTORY));
    if (!os::is_devpts_root(state.devpts.get())) return Error::from_errno(EXDEV, "find devpts");
  }
  return {};
}

Result<UniqueFd> open_target(int root, const std::string& target, plan::TargetKind kind) {
  switch (kind) {
    case plan::TargetKind::kDirectory:
      return os::make_dirs_in_root(root, target, kDirectoryMode);
    case plan::TargetKind::kFile:
      return os::create_file_in_root(root, target, kFileMode);
    case plan::TargetKind::kMustExist:
      break;
  }
  return os::open_in_root(root, target, O_PATH);
}

}  // namespace

Result<int> root_of(OperationState& state) {
  if (!state.root) {
    TRY_ASSIGN(state.root, os::open_dir("/"));
  }
  return state.root.get();
}

// Onto "/" of the namespace and chroot at the end, instead of pivot_root: 3 µs against 54, and no
// walk over all tasks of the host. Below lies the launcher's empty read-only root, so that whoever
// leaves the chroot lands on this mount again.
Result<> apply(OperationState& state, const plan::SetRoot& operation) {
  TRY_ASSIGN(const int mount, state.fds.get(operation.fd));
  if (::move_mount(mount, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return Error::from_errno(errno, "attach root");
  state.root.reset(::fcntl(mount, F_DUPFD_CLOEXEC, 3));
  if (!state.root || ::fchdir(state.root.get()) != 0) return Error::from_errno(errno, "enter root");
  return {};
}

Result<> apply(OperationState& state, const plan::AttachMount& operation) {
  TRY(refuse_root(operation.target));
  TRY_ASSIGN(const int root, root_of(state));
  TRY_ASSIGN(const int mount, state.fds.get(operation.fd));
  TRY_ASSIGN(const auto target, open_target(root, operation.target, operation.create));
  TRY(refuse_by_file_system(root, target.get(), operation.target));
  return os::attach_mount(mount, target.get());
}

// mount(2) on "." of the resolved directory: no path is walked again, and it is faster than fsopen.
Result<> apply(OperationState& state, const plan::MountPseudo& operation) {
  TRY(refuse_root(operation.target));
  TRY_ASSIGN(const int root, root_of(state));
  TRY_ASSIGN(const auto target, open_target(root, operation.target, plan::TargetKind::kDirectory));
  if (::fchdir(target.get()) != 0) return Error::from_errno(errno, "enter mount target");
  const char* data = operation.data.empty() ? nullptr : operation.data.c_str();
  const char* type = operation.type.c_str();
  if (::mount(type, ".", type, operation.flags, data) != 0)
    return Error::from_errno(errno, "mount " + operation.type);
  return remember(state, root, operation);
}

Result<> apply(OperationState& state, const plan::MakeDir& operation) {
  TRY_ASSIGN(const int root, root_of(state));
  TRY(os::make_dirs_in_root(root, operation.path, operation.mode));
  return {};
}

Result<> apply(OperationState& state, const plan::Symlink& operation) {
  TRY_ASSIGN(const int root, root_of(state));
  const auto slash = operation.path.find_last_of('/');
  const auto name = slash == std::string::npos ? operation.path : operation.path.substr(slash + 1);
  const auto parent =
      slash == std::string::npos ? std::string(".") : operation.path.substr(0, slash);
  TRY_ASSIGN(const auto directory, os::make_dirs_in_root(root, parent, kDirectoryMode));
  if (::symlinkat(operation.target.c_str(), directory.get(), name.c_str()) != 0 && errno != EEXIST)
    return Error::from_errno(errno, "make symlink");
  return {};
}

Result<> apply(OperationState& state, const plan::RootReadOnly&) {
  TRY_ASSIGN(const int root, root_of(state));
  return os::set_mount_flags(root, {.read_only = true}, os::MountScope::kOne);
}

Result<> apply(OperationState& state, const plan::EnterRoot&) {
  TRY_ASSIGN(const int root, root_of(state));
  if (::fchdir(root) != 0 || ::chroot(".") != 0) return Error::from_errno(errno, "enter root");
  return {};
}

}  // namespace skerry::launcher
