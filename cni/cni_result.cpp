#include "cni/cni_result.h"

#include <algorithm>

#include <fmt/format.h>

#include "cni/json.h"
#include "cni/network_list.h"

namespace skerry::cni {
namespace {

// More than any plugin means; what is kept per attachment stays small.
constexpr std::size_t kMaxItems = 256;
constexpr std::size_t kMaxText = 256;

Error invalid(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kMaxText &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

/// Absent or empty, or a word.
Result<std::string> read_word(const Json& object, const char* key) {
  TRY_ASSIGN(std::string text, string_member(object, key));
  if (text.empty() || is_word(text)) return text;
  return invalid(fmt::format("\"{}\": \"{}\" is not a word", key, printable(text, kMaxText)));
}

Result<std::vector<std::string>> read_words(const Json& object, const char* key) {
  TRY_ASSIGN(std::vector<std::string> words, strings_member(object, key));
  if (words.size() > kMaxItems || !std::ranges::all_of(words, is_word))
    return invalid(fmt::format("\"{}\" has what is not a word, or too many", key));
  return words;
}

Result<std::optional<IpAddress>> read_address(const Json& object, const char* key) {
  TRY_ASSIGN(const std::string text, string_member(object, key));
  if (text.empty()) return std::optional<IpAddress>{};
  const auto address = IpAddress::parse(text);
  if (!address)
    return invalid(fmt::format("\"{}\": \"{}\" is not an address", key, printable(text, kMaxText)));
  return address;
}

Result<IpPrefix> read_prefix(const Json& object, const char* key) {
  TRY_ASSIGN(const std::string text, string_member(object, key));
  const auto prefix = IpPrefix::parse(text);
  if (!prefix)
    return invalid(
        fmt::format("\"{}\": \"{}\" is not address/length", key, printable(text, kMaxText)));
  return *prefix;
}

/// Runs `read` for every object of an array that may be absent.
template <class Read>
Result<> each_object(const Json& object, const char* key, const Read& read) {
  TRY_ASSIGN(const Json* array, array_member(object, key));
  if (array == nullptr) return {};
  if (array->size() > kMaxItems) return invalid(fmt::format("\"{}\" has too many items", key));
  for (const Json& item : *array) {
    if (!item.is_object()) return invalid(fmt::format("\"{}\" has what is not an object", key));
    TRY(read(item));
  }
  return {};
}

Result<DnsSettings> read_dns(const Json& object) {
  DnsSettings out;
  TRY_ASSIGN(const Json* dns, object_member(object, "dns"));
  if (dns == nullptr) return out;
  TRY_ASSIGN(const auto servers, read_words(*dns, "nameservers"));
  for (const std::string& text : servers) {
    const auto address = IpAddress::parse(text);
    if (!address) return invalid(fmt::format("name server \"{}\" is not an address", text));
    out.servers.push_back(*address);
  }
  TRY_ASSIGN(out.domain, read_word(*dns, "domain"));
  TRY_ASSIGN(out.search, read_words(*dns, "search"));
  TRY_ASSIGN(out.options, read_words(*dns, "options"));
  return out;
}

Result<> read_routes(const Json& object, CniResult& out) {
  return each_object(object, "routes", [&](const Json& item) -> Result<> {
    ResultRoute route;
    TRY_ASSIGN(route.destination, read_prefix(item, "dst"));
    TRY_ASSIGN(route.gateway, read_address(item, "gw"));
    out.routes.push_back(route);
    return {};
  });
}

/// ip4 and ip6 of 0.1 and 0.2.
Result<> read_old_address(const Json& json, const char* key, CniResult& out) {
  TRY_ASSIGN(const Json* config, object_member(json, key));
  if (config == nullptr) return {};
  ResultIp ip;
  TRY_ASSIGN(ip.address, read_prefix(*config, "ip"));
  TRY_ASSIGN(ip.gateway, read_address(*config, "gateway"));
  out.ips.push_back(ip);
  return read_routes(*config, out);
}

Result<> read_interfaces(const Json& json, CniResult& out) {
  return each_object(json, "interfaces", [&](const Json& item) -> Result<> {
    ResultInterface interface;
    TRY_ASSIGN(interface.name, string_member(item, "name"));
    TRY(check_interface_name(interface.name));
    TRY_ASSIGN(interface.mac, read_word(item, "mac"));
    TRY_ASSIGN(interface.sandbox, read_word(item, "sandbox"));
    out.interfaces.push_back(std::move(interface));
    return {};
  });
}

Result<> read_ips(const Json& json, CniResult& out) {
  return each_object(json, "ips", [&](const Json& item) -> Result<> {
    ResultIp ip;
    TRY_ASSIGN(ip.address, read_prefix(item, "address"));
    TRY_ASSIGN(ip.gateway, read_address(item, "gateway"));
    const auto index = item.find("interface");
    if (index != item.end() && !index->is_null()) {
      // The specification's own plugins wrote -1 for "none" for a while.
      if (!index->is_number_integer()) return invalid("\"interface\" is not a number");
      const auto number = index->get<std::int64_t>();
      if (number >= static_cast<std::int64_t>(out.interfaces.size()))
        return invalid(fmt::format("there is no interface {}", number));
      if (number >= 0) ip.interface = static_cast<std::size_t>(number);
    }
    out.ips.push_back(ip);
    return {};
  });
}

Result<SpecVersion> version_of(const Json& json, SpecVersion otherwise) {
  TRY_ASSIGN(const std::string text, string_member(json, "cniVersion"));
  if (text.empty()) return otherwise;
  const auto version = parse_version(text);
  if (!version)
    return invalid(fmt::format("version \"{}\" of CNI is not known", printable(text, 32)));
  return *version;
}

Result<CniResult> read_result(const Json& json, SpecVersion version) {
  CniResult out;
  if (version < SpecVersion::k030) {
    TRY(read_old_address(json, "ip4", out));
    TRY(read_old_address(json, "ip6", out));
  } else {
    TRY(read_interfaces(json, out));
    TRY(read_ips(json, out));
    TRY(read_routes(json, out));
  }
  TRY_ASSIGN(out.dns, read_dns(json));
  return out;
}

template <class T>
Result<T> as_result_error(Result<T> result) {
  if (result) return result;
  return std::move(result).error().wrap("result").with_reason("CNI_RESULT_INVALID");
}

// --- writing ----------------------------------------------------------------------------------

Json write_dns(const DnsSettings& dns) {
  Json out = Json::object();
  for (const IpAddress& server : dns.servers) out["nameservers"].push_back(server.str());
  if (!dns.domain.empty()) out["domain"] = dns.domain;
  if (!dns.search.empty()) out["search"] = dns.search;
  if (!dns.options.empty()) out["options"] = dns.options;
  return out;
}

Json write_route(const ResultRoute& route) {
  Json out = {{"dst", route.destination.str()}};
  if (route.gateway) out["gw"] = route.gateway->str();
  return out;
}

void write_old_addresses(const CniResult& result, Json& out) {
  for (const ResultIp& ip : result.ips) {
    const bool is_v6 = ip.address.address.is_v6;
    const char* key = is_v6 ? "ip6" : "ip4";
    if (out.contains(key)) continue;
    Json config = {{"ip", ip.address.str()}};
    if (ip.gateway) config["gateway"] = ip.gateway->str();
    for (const ResultRoute& route : result.routes) {
      if (route.destination.address.is_v6 == is_v6) config["routes"].push_back(write_route(route));
    }
    out[key] = std::move(config);
  }
}

Json write_ip(const ResultIp& ip, SpecVersion version) {
  Json out = {{"address", ip.address.str()}};
  if (version < SpecVersion::k100) out["version"] = ip.address.address.is_v6 ? "6" : "4";
  if (ip.gateway) out["gateway"] = ip.gateway->str();
  if (ip.interface) out["interface"] = *ip.interface;
  return out;
}

Json write_interface(const ResultInterface& interface) {
  Json out = {{"name", interface.name}};
  if (!interface.mac.empty()) out["mac"] = interface.mac;
  if (!interface.sandbox.empty()) out["sandbox"] = interface.sandbox;
  return out;
}

Json result_json(const CniResult& result, SpecVersion version) {
  Json out = {{"cniVersion", version_text(version)}, {"dns", write_dns(result.dns)}};
  if (version < SpecVersion::k030) {
    write_old_addresses(result, out);
    return out;
  }
  for (const auto& each : result.interfaces) out["interfaces"].push_back(write_interface(each));
  for (const auto& each : result.ips) out["ips"].push_back(write_ip(each, version));
  for (const auto& each : result.routes) out["routes"].push_back(write_route(each));
  return out;
}

Result<Json> read_any(std::string_view bytes, SpecVersion version, CniResult& result) {
  TRY_ASSIGN(Json json, parse_object(bytes));
  TRY_ASSIGN(const SpecVersion said, version_of(json, version));
  TRY_ASSIGN(result, read_result(json, said));
  json["cniVersion"] = version_text(said);
  return json;
}

}  // namespace

Result<CniResult> parse_result(std::string_view bytes, SpecVersion version) {
  CniResult result;
  auto json = as_result_error(read_any(bytes, version, result));
  if (!json) return std::move(json).error();
  return result;
}

std::string write_result(const CniResult& result, SpecVersion version) {
  return to_text(result_json(result, version));
}

Result<std::string> as_previous_result(std::string_view bytes, SpecVersion version) {
  CniResult result;
  TRY_ASSIGN(const Json json, as_result_error(read_any(bytes, version, result)));
  if (json["cniVersion"] == version_text(version)) return to_text(json);
  return write_result(result, version);
}

}  // namespace skerry::cni
