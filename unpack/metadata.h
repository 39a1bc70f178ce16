// What a file carries besides its content.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skerry::unpack {

struct Xattr {
  std::string name;
  std::string value;
};

/// Owner, mode with setuid, setgid and sticky bits, time of modification, extended attributes.
/// POSIX ACLs, file flags and access times are not carried, as in Docker's images.
struct Metadata {
  mode_t mode = 0;  ///< Permission bits, 07777 at most; the type is said by the call.
  uid_t uid = 0;
  gid_t gid = 0;
  timespec modified = {};
  std::vector<Xattr> xattrs;
};

/// Attributes a tree may have: user.* and security.capability. trusted.* would speak to overlayfs
/// in our name, security.* and system.* to this host's policy.
bool is_carried_xattr(std::string_view name);

/// Puts owner, mode and attributes on an open file or directory, in the order the kernel needs.
/// Not the time, which any later write to a directory would change.
/// Errors: INVALID_ARGUMENT, reason ENTRY_XATTR_REFUSED for an attribute that is not carried; by
/// errno else.
Result<> apply_metadata(int fd, const Metadata& metadata);

/// Errors: by errno.
Result<> apply_modified_time(int fd, const timespec& modified);

}  // namespace skerry::unpack
