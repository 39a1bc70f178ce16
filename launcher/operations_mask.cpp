#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "launcher/operations.h"
#include "os/mount.h"
#include "os/path.h"

namespace skerry::launcher {
namespace {

bool is_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && path.size() > directory.size() &&
         path[directory.size()] == '/';
}

// A path below /proc or /sys that leads to another file system was bent by a link or a mount of the
// image, and a mask there would leave the real file open (CVE-2025-31133, 52565, 52881).
Result<> check_file_system(int fd, std::string_view path) {
  const bool in_proc = is_below(path, "/proc");
  const bool in_sys = is_below(path, "/sys");
  if (!in_proc && !in_sys) return {};
  struct statfs info {};
  if (::fstatfs(fd, &info) != 0) return Error::from_errno(errno, "look at file system");
  const bool right = in_proc ? info.f_type == PROC_SUPER_MAGIC
                             : info.f_type == SYSFS_MAGIC || info.f_type == CGROUP_SUPER_MAGIC ||
                                   info.f_type == CGROUP2_SUPER_MAGIC;
  if (!right) return Error::from_errno(EXDEV, "path of the kernel leads elsewhere");
  return {};
}

struct Place {
  int root;
  std::string path;
};

// From the root of the file system the path is meant to be in, if the plan has mounted that: where
// the way there leads elsewhere, nothing would be found, and left open.
Result<Place> place_of(OperationState& state, const std::string& path) {
  for (const auto& [name, own] : {std::pair<std::string_view, int>("/proc", state.own_proc.get()),
                                  {"/sys", state.own_sys.get()}}) {
    if (own >= 0 && is_below(path, name)) return Place{own, path.substr(name.size())};
  }
  TRY_ASSIGN(const int root, root_of(state));
  return Place{root, path};
}

// Absent when there is nothing at that path.
Result<std::optional<UniqueFd>> open_kernel_path(OperationState& state, const std::string& path) {
  TRY_ASSIGN(const Place place, place_of(state, path));
  auto fd = os::open_in_root(place.root, place.path, O_PATH);
  if (!fd && (fd.error().sys_errno() == ENOENT || fd.error().sys_errno() == ENOTDIR))
    return std::optional<UniqueFd>();
  if (!fd) return std::move(fd).error();
  TRY(check_file_system(fd->get(), path));
  return std::optional<UniqueFd>(std::move(*fd));
}

// The container's own /dev/null, made sure to be that: an image's link or file in its place would
// be shown instead of nothing.
Result<UniqueFd> clone_null_device(int root) {
  TRY_ASSIGN(const auto device, os::open_in_root(root, "/dev/null", O_PATH));
  struct stat info {};
  if (::fstat(device.get(), &info) != 0) return Error::from_errno(errno, "stat /dev/null");
  if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(1, 3))
    return Error::from_errno(ENODEV, "/dev/null is not the null device");
  return os::clone_tree({.dir = device.get(), .path = ""}, os::MountScope::kOne, {});
}

// A fresh mount the first time, copies of it from then on: before 6.15 only an attached mount can
// be copied.
Result<> mask_directory(OperationState& state, int target) {
  if (state.empty_directory) {
    TRY_ASSIGN(
        const auto copy,
        os::clone_tree({.dir = state.empty_directory.get(), .path = ""}, os::MountScope::kOne, {}));
    return os::attach_mount(copy.get(), target);
  }
  TRY_ASSIGN(auto mount,
             os::make_tmpfs(
                 {.size = Bytes(4096),
                  .inodes = 2,
                  .mode = 0555,
                  .flags = {.read_only = true, .nosuid = true, .nodev = true, .noexec = true}}));
  TRY(os::attach_mount(mount.get(), target));
  state.empty_directory = std::move(mount);
  return {};
}

}  // namespace

Result<> apply(OperationState& state, const plan::MaskPath& operation) {
  TRY_ASSIGN(const int root, root_of(state));
  TRY_ASSIGN(const auto target, open_kernel_path(state, operation.path));
  if (!target) return {};
  struct stat info {};
  if (::fstat(target->get(), &info) != 0) return Error::from_errno(errno, "stat masked path");
  if (S_ISDIR(info.st_mode)) return mask_directory(state, target->get());
  TRY_ASSIGN(const auto null_device, clone_null_device(root));
  return os::attach_mount(null_device.get(), target->get());
}

// With what is mounted below, or the masks there would be gone under the copy.
Result<> apply(OperationState& state, const plan::ReadOnlyPath& operation) {
  TRY_ASSIGN(const auto target, open_kernel_path(state, operation.path));
  if (!target) return {};
  TRY_ASSIGN(const auto copy,
             os::clone_tree(
                 {.dir = target->get(), .path = ""}, os::MountScope::kTree, {.read_only = true}));
  return os::attach_mount(copy.get(), target->get());
}

}  // namespace skerry::launcher
