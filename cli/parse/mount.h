// What people type for mounts: -v, --tmpfs and --mount, as Docker writes them.
#pragma once

#include <string_view>

#include "base/result.h"
#include "skerry/v1/container_spec.pb.h"

namespace skerry::cli {

/// "HOST:TARGET[:ro|rw]". HOST is absolute, or begins with "." and is taken from
/// `working_directory`. Errors: INVALID_ARGUMENT; a name as HOST too (named volumes do not exist).
Result<v1::Mount> parse_volume(std::string_view text, std::string_view working_directory);

/// "TARGET[:size=64m,mode=1777,ro,exec …]". Errors: INVALID_ARGUMENT.
Result<v1::Mount> parse_tmpfs(std::string_view text);

/// "type=bind,source=HOST,target=TARGET[,readonly][,bind-nonrecursive]" or
/// "type=tmpfs,target=TARGET[,tmpfs-size=64m][,tmpfs-mode=1777][,readonly]". Errors:
/// INVALID_ARGUMENT.
Result<v1::Mount> parse_mount(std::string_view text, std::string_view working_directory);

}  // namespace skerry::cli
