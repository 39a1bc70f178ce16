// What people type for mounts: -v, --tmpfs and --mount, as Docker writes them.
#pragma once

#include <string_view>

#include "base/result.h"
#include "skerry/v1/container_spec.pb.h"

namespace skerry::cli {

/// "HOST:TARGET[:ro|rw]". HOST is a path, absolute or beginning with "." and taken from
/// `working_directory`, or else the name of a volume. Errors: INVALID_ARGUMENT.
Result<v1::Mount> parse_volume(std::string_view text, std::string_view working_directory);

/// "TARGET[:size=64m,mode=1777,ro,exec …]". Errors: INVALID_ARGUMENT.
Result<v1::Mount> parse_tmpfs(std::string_view text);

/// "type=bind,source=HOST,target=TARGET[,readonly][,bind-nonrecursive]",
/// "type=volume,source=NAME,target=TARGET[,readonly][,volume-driver=DRIVER][,volume-opt=KEY=VALUE]…"
/// or "type=tmpfs,target=TARGET[,tmpfs-size=64m][,tmpfs-mode=1777][,readonly]". Errors:
/// INVALID_ARGUMENT.
Result<v1::Mount> parse_mount(std::string_view text, std::string_view working_directory);

}  // namespace skerry::cli
