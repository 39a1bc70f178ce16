// Opening paths that may hang: network and FUSE file systems of the host, where a system call can
// wait for ever and a thread in it cannot be killed. The wait is done by a forked helper, which can
// be given up.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::os {

struct ForeignPath {
  /// O_PATH.
  UniqueFd fd;
  bool is_directory = false;
  /// A file system is mounted exactly here. Kernel: 5.8, STATX_ATTR_MOUNT_ROOT.
  bool is_mount_root = false;
};

/// Opens foreign paths, in the caller's mount namespace, and remembers helpers that hang to reap
/// them when the kernel lets go of them. Thread: any.
class ForeignPaths final {
 public:
  /// `max_stuck`: with so many helpers hanging, further paths that need one are refused at once.
  explicit ForeignPaths(std::size_t max_stuck = 16) : max_stuck_(max_stuck) {}
  ForeignPaths(const ForeignPaths&) = delete;
  ForeignPaths& operator=(const ForeignPaths&) = delete;
  ~ForeignPaths() { reap_stuck(); }

  /// Follows symbolic links, as a mount's source does. A path the kernel has in its cache is opened
  /// without a helper: openat2(2) RESOLVE_CACHED never waits (Kernel: 5.12).
  /// Errors: by errno, NOT_FOUND above all; DEADLINE_EXCEEDED, reason PATH_HANGS; UNAVAILABLE,
  /// reason PATH_HANGS, with too many helpers stuck. Blocks: up to the deadline.
  Result<ForeignPath> open(const std::string& path, std::chrono::milliseconds deadline);

  /// The same, and the file system itself must answer for it: open() is content with the kernel's
  /// cache, where a FUSE file system whose server died looks well. Always takes a helper.
  /// Errors: UNAVAILABLE (ENOTCONN) for a dead one; INTERNAL (ESTALE); as open().
  Result<ForeignPath> open_alive(const std::string& path, std::chrono::milliseconds deadline);

 private:
  Result<ForeignPath> open_in_helper(const std::string& path,
                                     std::chrono::milliseconds deadline,
                                     int statx_flags);
  void end_helper(UniqueFd pidfd);
  /// Returns how many still hang.
  std::size_t reap_stuck();

  std::size_t max_stuck_;
  std::mutex mutex_;
  std::vector<UniqueFd> stuck_;
};

/// Takes the mount whose root is open at `fd` off the host's tree, lazily: for a FUSE mount whose
/// server is gone, which nobody can use any more. Needs CAP_SYS_ADMIN. Errors: INTERNAL (EINVAL)
/// when `fd` is no mount's root. Blocks: never. Kernel: umount2(2), MNT_DETACH.
Result<> detach_dead_mount(int fd);

}  // namespace skerry::os
