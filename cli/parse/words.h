// What people type as NAME=VALUE pairs, signals and filters.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/map.h>

#include "base/result.h"
#include "skerry/v1/container_spec.pb.h"

namespace skerry::cli {

using Pair = std::pair<std::string, std::string>;

/// Splits at every `separator`; an empty text has no parts.
std::vector<std::string> split(std::string_view text, char separator);

/// "key=value"; the value may hold more "=". `what` names the option in the message. Errors:
/// INVALID_ARGUMENT when there is no "=" or nothing before it.
Result<Pair> parse_pair(std::string_view what, std::string_view text);

/// Each of `pairs`, as parse_pair() reads it, into `map`; the last of a key counts.
Result<> fill_map(std::string_view what,
                  const std::vector<std::string>& pairs,
                  google::protobuf::Map<std::string, std::string>& map);

/// Value of a variable in the caller's own environment.
using Lookup = std::function<std::optional<std::string>(const std::string&)>;

/// One -e: "NAME=VALUE" as it is; "NAME" takes its value from `lookup`, absent when there is none,
/// as Docker does. Errors: INVALID_ARGUMENT when the name is empty.
Result<std::optional<std::string>> parse_env(std::string_view text, const Lookup& lookup);

/// An --env-file: a variable a line, as with -e; empty lines and lines beginning with "#" are left
/// out, and nothing is unquoted. `path` is for the message. Errors: INVALID_ARGUMENT, with the line
/// number: a NUL, white space in the name, an empty name.
Result<std::vector<std::string>> parse_env_file(std::string_view path,
                                                std::string_view content,
                                                const Lookup& lookup);

/// Later values replace earlier ones of the same name, at the earlier one's place.
void merge_env(std::vector<std::string>& into, std::string entry);

/// "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3". Errors: INVALID_ARGUMENT.
Result<std::int32_t> parse_signal(std::string_view text);

/// "nofile=1024", "nofile=1024:4096", "core=unlimited". Errors: INVALID_ARGUMENT, also for a soft
/// limit above the hard one.
Result<v1::Rlimit> parse_ulimit(std::string_view text);

/// One --security-opt into `security`; the path of seccomp=FILE becomes `seccomp_json`, for the
/// caller to read. Errors: INVALID_ARGUMENT, listing what there is.
Result<> apply_security_opt(std::string_view text, v1::Security& security);

/// One --log-opt into `log`: max-size, max-file, overflow, path. Errors: INVALID_ARGUMENT.
Result<> apply_log_opt(std::string_view text, v1::LogOptions& log);

/// The candidate least different from `typed`, if it is near enough to have been meant.
std::optional<std::string> nearest(std::string_view typed,
                                   const std::vector<std::string>& candidates);

}  // namespace skerry::cli
