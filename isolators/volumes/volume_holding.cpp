#include <nlohmann/json.hpp>

#include "isolators/volumes/volume_provider.h"

namespace skerry::isolators {
namespace {

using Json = nlohmann::json;

Error damaged() {
  return Error(Code::kDataLoss, "the checkpoint of the volumes does not decode")
      .with_reason("CHECKPOINT_DAMAGED");
}

bool has_text(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_string();
}

}  // namespace

std::string encode_volume_holding(const VolumeHolding& holding) {
  Json volumes = Json::array();
  for (const HeldVolume& volume : holding.volumes) {
    volumes.push_back({{"driver", volume.driver}, {"name", volume.name}});
  }
  const Json json = {{"attempt", holding.attempt}, {"volumes", std::move(volumes)}};
  // Bytes that are no UTF-8 would make dump() throw.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<VolumeHolding> decode_volume_holding(std::string_view bytes) {
  const Json json = Json::parse(bytes, nullptr, false);
  if (!has_text(json, "attempt") || !json.contains("volumes") || !json["volumes"].is_array()) {
    return damaged();
  }
  VolumeHolding holding{.attempt = json["attempt"].get<std::string>(), .volumes = {}};
  for (const Json& volume : json["volumes"]) {
    if (!has_text(volume, "driver") || !has_text(volume, "name")) return damaged();
    holding.volumes.push_back(
        {.driver = volume["driver"].get<std::string>(), .name = volume["name"].get<std::string>()});
  }
  return holding;
}

}  // namespace skerry::isolators
