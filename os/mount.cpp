#include "os/mount.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

#include <fmt/format.h>

#include "os/fs_context.h"
#include "os/mount_flags.h"

namespace skerry::os {
namespace {

Result<> change_mount(int mount, MountScope scope, mount_attr attributes) {
  const unsigned flags = AT_EMPTY_PATH | (scope == MountScope::kTree ? AT_RECURSIVE : 0U);
  if (::mount_setattr(mount, "", flags, &attributes, sizeof(attributes)) != 0)
    return Error::from_errno(errno, "change mount attributes");
  return {};
}

mount_attr attributes_of(const MountFlags& flags) {
  mount_attr attributes{};
  attributes.attr_set = attribute_bits(flags);
  // The three access time modes are one field that must be cleared to be set.
  if (flags.noatime) attributes.attr_clr = MOUNT_ATTR__ATIME;
  return attributes;
}

}  // namespace

std::uint64_t attribute_bits(const MountFlags& flags) {
  std::uint64_t bits = 0;
  if (flags.read_only) bits |= MOUNT_ATTR_RDONLY;
  if (flags.nosuid) bits |= MOUNT_ATTR_NOSUID;
  if (flags.nodev) bits |= MOUNT_ATTR_NODEV;
  if (flags.noexec) bits |= MOUNT_ATTR_NOEXEC;
  if (flags.noatime) bits |= MOUNT_ATTR_NOATIME;
  return bits;
}

std::string kernel_path(const HostPath& path) {
  if (path.dir < 0) return path.path;
  if (path.path.empty()) return fmt::format("/proc/self/fd/{}", path.dir);
  return fmt::format("/proc/self/fd/{}/{}", path.dir, path.path);
}

Result<UniqueFd> make_tmpfs(const TmpfsSpec& spec) {
  TRY_ASSIGN(auto context, FsContext::open("tmpfs"));
  TRY(context.set_string("source", "tmpfs"));
  if (spec.size.value() != 0) TRY(context.set_string("size", std::to_string(spec.size.value())));
  if (spec.inodes != 0) TRY(context.set_string("nr_inodes", std::to_string(spec.inodes)));
  TRY(context.set_string("mode", fmt::format("{:o}", spec.mode)));
  if (spec.uid != 0) TRY(context.set_string("uid", std::to_string(spec.uid)));
  if (spec.gid != 0) TRY(context.set_string("gid", std::to_string(spec.gid)));
  return context.mount(spec.flags);
}

Result<UniqueFd> clone_tree(const HostPath& source, MountScope scope, const MountFlags& flags) {
  const int dir = source.dir < 0 ? AT_FDCWD : source.dir;
  const unsigned how = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                       (scope == MountScope::kTree ? AT_RECURSIVE : 0U);
  UniqueFd mount(::open_tree(dir, source.path.c_str(), how));
  if (!mount)
    return Error::from_errno(errno, fmt::format("clone mount at \"{}\"", kernel_path(source)));
  auto attributes = attributes_of(flags);
  attributes.propagation = MS_PRIVATE;
  auto changed = change_mount(mount.get(), scope, attributes);
  if (!changed) return std::move(changed).error().wrap(kernel_path(source));
  return mount;
}

Result<> set_mount_flags(int mount, const MountFlags& flags, MountScope scope) {
  return change_mount(mount, scope, attributes_of(flags));
}

Result<> attach_mount(int mount, int target) {
  constexpr unsigned kByDescriptor = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (::move_mount(mount, "", target, "", kByDescriptor) != 0)
    return Error::from_errno(errno, "attach mount");
  return {};
}

bool kernel_has_lowerdir_plus() {
  auto context = FsContext::open("overlay");
  // The layer must be a directory that can be one: asking with "/" leaves nothing behind. Before
  // 6.5 overlay collects whatever it is told and looks at it when it is made: it takes any key.
  return context && context->set_string("lowerdir+", "/") &&
         !context->set_string("skerry-no-such-key", "/");
}

// With descriptors that cannot be right a kernel that has the call answers anything but ENOSYS.
bool kernel_has_mount_setattr() {
  mount_attr attributes{};
  return ::mount_setattr(-1, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) == 0 ||
         errno != ENOSYS;
}

bool kernel_has_move_mount() {
  return ::move_mount(-1, "", -1, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0 ||
         errno != ENOSYS;
}

}  // namespace skerry::os
