#include "isolators/network/network_settings.h"

#include <limits>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace skerry::isolators {
namespace {

using Json = nlohmann::json;

Error damaged() {
  return Error(Code::kDataLoss, "the record of a network attachment does not decode")
      .with_reason("CHECKPOINT_DAMAGED");
}

Json membership_json(const NetworkMembership& one) {
  return {{"network", one.network},
          {"interface", one.interface},
          {"host_interface", one.host_interface},
          {"mac", one.mac},
          {"addresses", one.addresses},
          {"gateways", one.gateways}};
}

Json port_json(const cni::PortMapping& port) {
  Json json = {{"host", port.host_port},
               {"container", port.container_port},
               {"protocol", cni::protocol_text(port.protocol)}};
  if (port.host_ip) json["ip"] = port.host_ip->str();
  return json;
}

/// Readers of members that note what is amiss instead of throwing.
class Reader final {
 public:
  std::string text(const Json& object, const char* key) {
    const Json* member = find(object, key);
    if (member == nullptr || !member->is_string()) return fail(std::string());
    return member->get<std::string>();
  }
  std::vector<std::string> texts(const Json& object, const char* key) {
    std::vector<std::string> all;
    for (const Json& one : array(object, key)) {
      if (!one.is_string()) return fail(all);
      all.push_back(one.get<std::string>());
    }
    return all;
  }
  std::uint16_t port(const Json& object, const char* key) {
    const Json* member = find(object, key);
    constexpr unsigned kMost = std::numeric_limits<std::uint16_t>::max();
    if (member == nullptr || !member->is_number_unsigned() ||
        member->get<std::uint64_t>() > kMost) {
      return fail(std::uint16_t{0});
    }
    return member->get<std::uint16_t>();
  }
  const Json& array(const Json& object, const char* key) {
    static const Json kNone = Json::array();
    const Json* member = find(object, key);
    if (member != nullptr && member->is_array()) return *member;
    good_ = false;
    return kNone;
  }
  template <class T>
  T fail(T value) {
    good_ = false;
    return value;
  }
  bool good() const { return good_; }

 private:
  static const Json* find(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
  }
  bool good_ = true;
};

NetworkMembership read_membership(Reader& read, const Json& json) {
  return {.network = read.text(json, "network"),
          .interface = read.text(json, "interface"),
          .host_interface = read.text(json, "host_interface"),
          .mac = read.text(json, "mac"),
          .addresses = read.texts(json, "addresses"),
          .gateways = read.texts(json, "gateways")};
}

cni::PortMapping read_port(Reader& read, const Json& json) {
  cni::PortMapping port{.host_port = read.port(json, "host"),
                        .container_port = read.port(json, "container")};
  const auto protocol = cni::parse_protocol(read.text(json, "protocol"));
  if (!protocol) return read.fail(port);
  port.protocol = *protocol;
  if (!json.contains("ip")) return port;
  port.host_ip = cni::IpAddress::parse(read.text(json, "ip"));
  return port.host_ip ? port : read.fail(port);
}

}  // namespace

std::string encode_network_record(const NetworkRecord& record) {
  Json json = {{"attempt", record.attempt}, {"networks", Json::array()}, {"ports", Json::array()}};
  for (const NetworkMembership& one : record.networks) {
    json["networks"].push_back(membership_json(one));
  }
  for (const cni::PortMapping& port : record.ports) json["ports"].push_back(port_json(port));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<NetworkRecord> decode_network_record(std::string_view bytes) {
  const Json json = Json::parse(bytes, nullptr, false);
  if (!json.is_object()) return damaged();
  Reader read;
  NetworkRecord record;
  record.attempt = read.text(json, "attempt");
  for (const Json& one : read.array(json, "networks")) {
    record.networks.push_back(read_membership(read, one));
  }
  for (const Json& one : read.array(json, "ports")) record.ports.push_back(read_port(read, one));
  if (!read.good()) return damaged();
  return record;
}

}  // namespace skerry::isolators
