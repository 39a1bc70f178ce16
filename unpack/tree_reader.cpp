#include "unpack/tree_reader.h"

#include <fcntl.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::unpack {
namespace {}  // namespace

Error source_changed() {
  return Error(Code::kAborted, "the source changed while it was read")
      .with_reason("SOURCE_CHANGED")
      .as_retryable();
}

Result<std::vector<Xattr>> carried_xattrs(int fd) {
  std::vector<Xattr> out;
  std::string list(64UL * 1024, '\0');
  const ssize_t length = ::flistxattr(fd, list.data(), list.size());
  if (length < 0) {
    if (errno == EOPNOTSUPP) return out;
    return Error::from_errno(errno, "list extended attributes");
  }
  list.resize(static_cast<std::size_t>(length));
  for (const auto name : os::split(list, '\0')) {
    if (!is_carried_xattr(name)) continue;
    std::string value(64UL * 1024, '\0');
    const ssize_t size = ::fgetxattr(fd, std::string(name).c_str(), value.data(), value.size());
    if (size < 0) {
      if (errno == ENODATA) return source_changed();
      return Error::from_errno(errno, "read extended attribute");
    }
    value.resize(static_cast<std::size_t>(size));
    out.push_back({std::string(name), std::move(value)});
  }
  std::sort(out.begin(), out.end(), [](const Xattr& a, const Xattr& b) { return a.name < b.name; });
  return out;
}

}  // namespace skerry::unpack
