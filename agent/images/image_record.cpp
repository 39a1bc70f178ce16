#include "agent/images/image_record.h"

#include <nlohmann/json.hpp>

namespace skerry::agent {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;

Error damaged(const images::ContentId& id) {
  return Error(Code::kDataLoss, "image \"" + id.hex() + "\": the record does not decode")
      .with_reason("RECORD_DAMAGED");
}

// What is absent stays as it is; false for what is there and of another kind.
bool read_text(const Json& json, const char* key, std::string& out) {
  const auto found = json.find(key);
  if (found == json.end()) return true;
  if (!found->is_string()) return false;
  out = found->get<std::string>();
  return true;
}

bool read_texts(const Json& json, const char* key, std::vector<std::string>& out) {
  const auto found = json.find(key);
  if (found == json.end()) return true;
  if (!found->is_array()) return false;
  for (const Json& element : *found) {
    if (!element.is_string()) return false;
    out.push_back(element.get<std::string>());
  }
  return true;
}

bool read_config(const Json& json, images::ImageConfig& config) {
  return json.is_object() && read_texts(json, "entrypoint", config.entrypoint) &&
         read_texts(json, "command", config.command) &&
         read_texts(json, "environment", config.environment) &&
         read_text(json, "working_directory", config.working_directory) &&
         read_text(json, "user", config.user);
}

}  // namespace

std::string encode_image(const images::Image& image) {
  Json json = {{"version", kVersion},
               {"bytes", image.size.value()},
               {"created_ns", image.created.time_since_epoch().count()}};
  if (image.config != images::ImageConfig{}) {
    json["config"] = {{"entrypoint", image.config.entrypoint},
                      {"command", image.config.command},
                      {"environment", image.config.environment},
                      {"working_directory", image.config.working_directory},
                      {"user", image.config.user}};
  }
  // Bytes that are no UTF-8 would make dump() throw.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<images::Image> decode_image(const images::ContentId& id, std::string_view record) {
  const Json json = Json::parse(record, nullptr, false);
  if (!json.is_object()) return damaged(id);
  const auto bytes = json.find("bytes");
  const auto created = json.find("created_ns");
  const bool whole = bytes != json.end() && bytes->is_number_unsigned() && created != json.end() &&
                     created->is_number_integer();
  if (!whole) return damaged(id);
  images::Image image{
      .content_id = id,
      .names = {},
      .size = Bytes(bytes->get<std::uint64_t>()),
      .created = WallTime(std::chrono::nanoseconds(created->get<std::int64_t>())),
      .config = {},
  };
  const auto config = json.find("config");
  if (config != json.end() && !read_config(*config, image.config)) return damaged(id);
  return image;
}

}  // namespace skerry::agent
