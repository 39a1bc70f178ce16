// Detached mounts: file systems and bind mounts that exist only as a descriptor until move_mount(2)
// attaches them inside a container. They never appear in the host's mount table. Made by the side
// that checked the paths. Needs CAP_SYS_ADMIN. Blocks: kernel. Thread: any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"

namespace skerry::os {

/// A directory or file on the host: `path` relative to `dir`, `dir` itself (borrowed) when the path
/// is empty, or an absolute path when `dir` is -1.
struct HostPath {
  int dir = -1;
  std::string path = {};
};

/// What a mount allows. A value that is false leaves the mount as it is.
struct MountFlags {
  bool read_only = false;
  bool nosuid = false;
  bool nodev = false;
  bool noexec = false;
  bool noatime = false;
};

/// Whether a change covers one mount or all mounts of the tree.
enum class MountScope : std::uint8_t { kOne, kTree };

/// How layers are told to the kernel.
enum class OverlayArm : std::uint8_t {
  kLayerByLayer,  ///< fsconfig "lowerdir+", one call a layer. Kernel: 6.7.
  kOneString,     ///< mount(2) with short relative names in a scratch namespace, for older ones.
};

struct OverlaySpec {
  /// Uppermost first, 1–500. Must not contain the work or upper directory.
  std::vector<HostPath> lowers = {};
  /// Absent makes a read-only overlay (at least two lowers then).
  std::optional<HostPath> upper = std::nullopt;
  /// With upper only; an empty directory on the same file system.
  std::optional<HostPath> work = std::nullopt;
  /// No sync at unmount, and none by fsync: for scratch. Leaves work/work/incompat/volatile, which
  /// must be removed before the directories are mounted again.
  bool is_volatile = false;
  MountFlags flags = {};
};

/// Errors: INVALID_ARGUMENT for a bad number of layers; NOT_FOUND for a layer that is not there;
/// FAILED_PRECONDITION when upper or work is in use by another overlay (EBUSY).
/// Kernel: overlayfs.rst; fsopen(2), fsmount(2) 5.2.
Result<UniqueFd> make_overlay(const OverlaySpec& spec, OverlayArm arm);

struct TmpfsSpec {
  Bytes size = {};           ///< Zero is the kernel's default, half of memory.
  std::uint64_t inodes = 0;  ///< Zero is the kernel's default.
  mode_t mode = 01777;       ///< Of the root directory.
  uid_t uid = 0;
  gid_t gid = 0;
  MountFlags flags = {};
};
Result<UniqueFd> make_tmpfs(const TmpfsSpec& spec);

/// A copy of what is mounted at `source` (a directory, file or socket), detached: the start of
/// every bind mount. kTree takes the mounts below with it. Final symbolic links are followed, as
/// for mount --bind; resolve foreign paths with open_in_root first and pass the descriptor.
/// The copy's propagation is private. Flags cover `scope`.
/// Errors: NOT_FOUND; INTERNAL (EINVAL) for a descriptor of another mount namespace.
/// Kernel: 5.2 open_tree(2), 5.12 mount_setattr(2).
Result<UniqueFd> clone_tree(const HostPath& source, MountScope scope, const MountFlags& flags);

/// Changes a mount made here. Kernel: 5.12.
Result<> set_mount_flags(int mount, const MountFlags& flags, MountScope scope);

/// Attaches a detached mount onto the file or directory `target` (a descriptor, O_PATH is enough)
/// in the caller's mount namespace. Kernel: 5.2, move_mount(2).
Result<> attach_mount(int mount, int target);

/// Probes, asked once by HostFacts. They make and drop a file system context; nothing is mounted.
bool kernel_has_lowerdir_plus();
bool kernel_has_mount_setattr();
bool kernel_has_move_mount();

}  // namespace skerry::os
