#include "unpack/metadata.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "unpack/entry_name.h"

namespace skerry::unpack {

bool is_carried_xattr(std::string_view name) {
  return name == "security.capability" || (name.starts_with("user.") && name.size() > 5);
}

Result<> apply_metadata(int fd, const Metadata& metadata) {
  if (::fchown(fd, metadata.uid, metadata.gid) != 0) {
    return Error::from_errno(errno,
                             fmt::format("change owner to {}:{}", metadata.uid, metadata.gid));
  }
  // After chown, which takes setuid, setgid and security.capability away.
  if (::fchmod(fd, metadata.mode & 07777U) != 0)
    return Error::from_errno(errno, fmt::format("change mode to {:o}", metadata.mode));
  for (const Xattr& xattr : metadata.xattrs) {
    if (!is_carried_xattr(xattr.name)) {
      return Error(Code::kInvalidArgument,
                   fmt::format("extended attribute \"{}\" is refused", printable_name(xattr.name)))
          .with_reason("ENTRY_XATTR_REFUSED");
    }
    if (::fsetxattr(fd, xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) != 0) {
      return Error::from_errno(
          errno, fmt::format("set extended attribute \"{}\"", printable_name(xattr.name)));
    }
  }
  return {};
}

Result<> apply_modified_time(int fd, const timespec& modified) {
  const std::array<timespec, 2> times = {timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, modified};
  if (::futimens(fd, times.data()) != 0) return Error::from_errno(errno, "set modification time");
  return {};
}

}  // namespace skerry::unpack
