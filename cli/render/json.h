// Messages of the API as JSON for programs: -o json and inspect.
#pragma once

#include <string>

#include <google/protobuf/message.h>
#include <nlohmann/json_fwd.hpp>

namespace skerry::cli {

/// Keys are the field names of the API. Numbers are numbers, 64-bit ones too; times are RFC 3339,
/// durations "1.5s", enumerators lower case without their type ("running"). Fields that cannot be
/// absent are always there; absent ones are left out.
nlohmann::ordered_json to_json(const google::protobuf::Message& message);

/// Indented, with a line end; what is not UTF-8 is replaced.
std::string json_text(const nlohmann::ordered_json& json);

/// One line, with a line end.
std::string json_line(const nlohmann::ordered_json& json);

/// "CONTAINER_STATE_RUNNING" of type ContainerState is "running".
std::string enum_word(const google::protobuf::EnumValueDescriptor& value);

}  // namespace skerry::cli
