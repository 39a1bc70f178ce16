// Checks that specs of containers and of pods have in common. Pure.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <google/protobuf/map.h>
#include <google/protobuf/message.h>

#include "agent/config/config.h"
#include "base/result.h"

namespace skerry::agent {

/// INVALID_ARGUMENT with the field's name; `invalid` has the reason FIELD_INVALID.
Error refused(std::string_view field, std::string_view why, std::string_view reason);
Error invalid(std::string_view field, std::string_view why);

using StringMap = google::protobuf::Map<std::string, std::string>;

/// Keys, values, and at most 256 KiB in all. Errors: INVALID_ARGUMENT, reason FIELD_INVALID, as all
/// below.
Result<> check_labels(const StringMap& labels, std::string_view field);
/// At most 256 KiB in all.
Result<> check_annotations(const StringMap& annotations, std::string_view field);

/// 0–64 characters of [A-Za-z0-9.-].
bool is_hostname(std::string_view name);

/// Purely by the text: links are the caller's business.
bool is_below(const std::filesystem::path& path, const std::filesystem::path& base);

/// Whether the configuration allows logs at `path`. Errors: PERMISSION_DENIED, reason
/// LOG_PATH_REFUSED.
Result<> check_log_place(std::string_view field,
                         const std::filesystem::path& path,
                         const config::Config& config);

/// "pod.ports": where the first field that is set below `message` is; `name` when none is.
std::string first_field(const google::protobuf::Message& message, const std::string& name);

}  // namespace skerry::agent
