#include "agent/volumes/volume_record.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/ids.h"

namespace skerry::agent {
namespace {

using Json = nlohmann::json;
using Texts = std::map<std::string, std::string>;

constexpr std::string_view kDefaultTenant = "default";
constexpr std::size_t kMaxName = 64;

Error damaged(std::string_view what) {
  return Error(Code::kDataLoss, fmt::format("the record of {} does not decode", what))
      .with_reason("RECORD_DAMAGED");
}

std::string dump(const Json& json) {
  // Bytes that are no UTF-8 would make dump() throw.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// False for what is missing or of another kind.
bool read(const Json& json, const char* key, std::string& out) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return false;
  out = found->get<std::string>();
  return true;
}

bool read(const Json& json, const char* key, bool& out) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_boolean()) return false;
  out = found->get<bool>();
  return true;
}

bool read(const Json& json, const char* key, Texts& out) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_object()) return false;
  for (const auto& [name, value] : found->items()) {
    if (!value.is_string()) return false;
    out[name] = value.get<std::string>();
  }
  return true;
}

bool read_key(const Json& json, volumes::VolumeKey& out) {
  return read(json, "driver", out.driver) && read(json, "name", out.name);
}

bool read_references(const Json& json, volumes::VolumeReferences& out) {
  const auto consumers = json.find("consumers");
  if (consumers == json.end() || !consumers->is_array()) return false;
  for (const Json& consumer : *consumers) {
    if (!consumer.is_string()) return false;
    out.consumers.insert(consumer.get<std::string>());
  }
  if (const auto staged = json.find("staged"); staged != json.end()) {
    volumes::Staged was;
    if (!staged->is_object() || !read(*staged, "mountpoint", was.mountpoint) ||
        !read(*staged, "is_mount", was.is_mount)) {
      return false;
    }
    out.staged = std::move(was);
  }
  return read(json, "certain", out.certain);
}

// "4.blue.data" apart; absent for what is not of that form.
std::optional<VolumeId> of_other_tenant(std::string_view name) {
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), length);
  if (error != std::errc{}) return std::nullopt;
  name.remove_prefix(static_cast<std::size_t>(end - name.data()));
  // A dot, the tenant, a dot, and at least one character.
  if (length == 0 || length >= name.size() || name.size() < length + 3) return std::nullopt;
  if (name.front() != '.' || name[length + 1] != '.') return std::nullopt;
  return VolumeId{.tenant = std::string(name.substr(1, length)),
                  .name = std::string(name.substr(length + 2))};
}

Error name_invalid(const VolumeId& id, std::string_view why) {
  return Error(Code::kInvalidArgument, fmt::format("volume name \"{}\" {}", id.name, why))
      .with_reason("NAME_INVALID");
}

}  // namespace

std::string driver_name_of(const VolumeId& id) {
  if (id.tenant == kDefaultTenant) return id.name;
  return fmt::format("{}.{}.{}", id.tenant.size(), id.tenant, id.name);
}

VolumeId volume_id_of(std::string_view driver_name) {
  if (auto other = of_other_tenant(driver_name)) return std::move(*other);
  return {.tenant = std::string(kDefaultTenant), .name = std::string(driver_name)};
}

volumes::VolumeKey key_of(const VolumeRecord& record) {
  return {.driver = record.driver, .name = driver_name_of(record.id)};
}

volumes::Volume volume_of(const VolumeRecord& record) {
  return {.name = driver_name_of(record.id), .options = record.options};
}

Result<> check_volume_id(const VolumeId& id) {
  TRY(check_id("tenant", id.tenant));
  if (id.name.size() > kMaxName || !volumes::check_volume_name(id.name)) {
    return name_invalid(
        id, "is not 1–64 characters of [A-Za-z0-9._-] that begin with a letter or digit");
  }
  const std::string driver_name = driver_name_of(id);
  if (volume_id_of(driver_name) != id) return name_invalid(id, "reads as another tenant's");
  if (!volumes::check_volume_name(driver_name)) {
    return name_invalid(id, fmt::format("is too long for the tenant \"{}\"", id.tenant));
  }
  return {};
}

std::string encode_volume(const VolumeRecord& record) {
  return dump({{"tenant", record.id.tenant},
               {"name", record.id.name},
               {"driver", record.driver},
               {"options", Json(record.options)},
               {"labels", Json(record.labels)},
               {"created_ns", record.created.time_since_epoch().count()},
               {"exists", record.exists}});
}

Result<VolumeRecord> decode_volume(std::string_view bytes) {
  const Json json = Json::parse(bytes, nullptr, false);
  VolumeRecord record;
  if (!json.is_object() || !read(json, "tenant", record.id.tenant) ||
      !read(json, "name", record.id.name) || !read(json, "driver", record.driver) ||
      !read(json, "options", record.options) || !read(json, "labels", record.labels) ||
      !read(json, "exists", record.exists)) {
    return damaged("a volume");
  }
  const auto created = json.find("created_ns");
  if (created == json.end() || !created->is_number_integer()) return damaged("a volume");
  record.created = WallTime(std::chrono::nanoseconds(created->get<std::int64_t>()));
  if (!check_volume_id(record.id)) return damaged("a volume");
  return record;
}

std::string encode_references(const ReferenceRecord& record) {
  Json json = {{"driver", record.key.driver},
               {"name", record.key.name},
               {"consumers", Json(record.references.consumers)},
               {"certain", record.references.certain},
               {"boot_id", record.boot_id}};
  if (const auto& staged = record.references.staged) {
    json["staged"] = {{"mountpoint", staged->mountpoint}, {"is_mount", staged->is_mount}};
  }
  return dump(json);
}

Result<ReferenceRecord> decode_references(std::string_view bytes) {
  const Json json = Json::parse(bytes, nullptr, false);
  ReferenceRecord record;
  if (!json.is_object() || !read_key(json, record.key) ||
      !read_references(json, record.references) || !read(json, "boot_id", record.boot_id)) {
    return damaged("a volume's references");
  }
  return record;
}

std::string encode_volume_key(const volumes::VolumeKey& key) {
  return dump({{"driver", key.driver}, {"name", key.name}});
}

Result<volumes::VolumeKey> decode_volume_key(std::string_view bytes) {
  const Json json = Json::parse(bytes, nullptr, false);
  volumes::VolumeKey key;
  if (!json.is_object() || !read_key(json, key)) return damaged("what a volume is owed");
  return key;
}

}  // namespace skerry::agent
