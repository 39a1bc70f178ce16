#include "cli/render/json.h"

#include <fmt/format.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <nlohmann/json.hpp>

#include "cli/render/human.h"

namespace skerry::cli {
namespace {

using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Timestamp;
using Json = nlohmann::ordered_json;

std::string duration_text(const Duration& duration) {
  constexpr int kNanosPerMilli = 1'000'000;
  if (duration.nanos() == 0) return fmt::format("{}s", duration.seconds());
  return fmt::format("{}.{:03}s", duration.seconds(), duration.nanos() / kNanosPerMilli);
}

Json message_value(const Message& message) {
  if (message.GetDescriptor() == Timestamp::descriptor()) {
    return rfc3339(wall_time(static_cast<const Timestamp&>(message)));
  }
  if (message.GetDescriptor() == Duration::descriptor()) {
    return duration_text(static_cast<const Duration&>(message));
  }
  return to_json(message);
}

/// The value of a field that appears once.
Json single(const Message& message, const Reflection& reflection, const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return enum_word(*reflection.GetEnum(message, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return message_value(reflection.GetMessage(message, &field));
  }
  return nullptr;
}

/// The value of element `index` of a repeated field; the API repeats only these kinds.
Json element(const Message& message,
             const Reflection& reflection,
             const FieldDescriptor& field,
             int index) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return message_value(reflection.GetRepeatedMessage(message, &field, index));
    case FieldDescriptor::CPPTYPE_ENUM:
      return enum_word(*reflection.GetRepeatedEnum(message, &field, index));
    default:
      return reflection.GetRepeatedString(message, &field, index);
  }
}

Json map_value(const Message& message, const Reflection& reflection, const FieldDescriptor& field) {
  // Sorted: a protobuf map has no order of its own, and output should not change between calls.
  std::map<std::string, Json> sorted;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const auto* type = entry.GetDescriptor();
    const Reflection& inner = *entry.GetReflection();
    sorted[inner.GetString(entry, type->map_key())] = single(entry, inner, *type->map_value());
  }
  Json object = Json::object();
  for (auto& [key, value] : sorted) object[key] = std::move(value);
  return object;
}

Json repeated_value(const Message& message,
                    const Reflection& reflection,
                    const FieldDescriptor& field) {
  if (field.is_map()) return map_value(message, reflection, field);
  Json array = Json::array();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    array.push_back(element(message, reflection, field, i));
  }
  return array;
}

}  // namespace

std::string enum_word(const google::protobuf::EnumValueDescriptor& value) {
  // "ContainerState" is spelled CONTAINER_STATE_ in front of its values.
  std::string prefix;
  for (const char c : value.type()->name()) {
    if (c >= 'A' && c <= 'Z' && !prefix.empty()) prefix += '_';
    prefix += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  prefix += '_';
  std::string word = value.name();
  if (word.starts_with(prefix)) word.erase(0, prefix.size());
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return word;
}

Json to_json(const Message& message) {
  Json object = Json::object();
  const auto* type = message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    if (field.is_repeated()) {
      object[field.name()] = repeated_value(message, reflection, field);
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      object[field.name()] = single(message, reflection, field);
    }
  }
  return object;
}

std::string json_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace skerry::cli
