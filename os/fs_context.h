// A file system being configured: fsopen(2) to fsmount(2), with the kernel's own words in errors.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "os/mount.h"

namespace skerry::os {

/// Thread: any, one call at a time. Blocks: kernel. Kernel: 5.2.
class FsContext final {
 public:
  static Result<FsContext> open(const std::string& file_system);

  Result<> set_string(const std::string& key, const std::string& value);
  Result<> set_flag(const std::string& key);
  /// Makes the superblock and a detached mount of it.
  Result<UniqueFd> mount(const MountFlags& flags);

 private:
  FsContext(UniqueFd fd, std::string file_system)
      : fd_(std::move(fd)), file_system_(std::move(file_system)) {}
  Error error(int sys_errno, std::string_view what) const;

  UniqueFd fd_;
  std::string file_system_;
};

}  // namespace skerry::os
