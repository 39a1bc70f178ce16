// Reading a directory that may change meanwhile.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "unpack/metadata.h"

namespace skerry::unpack {

/// ABORTED, reason SOURCE_CHANGED, retryable.
Error source_changed();

/// The attributes that are carried (metadata.h), by name. Errors: source_changed(); by errno.
Result<std::vector<Xattr>> carried_xattrs(int fd);

}  // namespace skerry::unpack
