#include "cni/network_list.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "cni/json.h"

namespace skerry::cni {
namespace {

constexpr std::size_t kMaxPlugins = 32;
constexpr std::size_t kMaxName = 64;
// IFNAMSIZ less its NUL.
constexpr std::size_t kMaxInterfaceName = 15;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view name) {
  return !name.empty() && is_alphanumeric(name.front()) && std::ranges::all_of(name, [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
  });
}

Error invalid(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

/// The highest of those the list names that we know.
Result<SpecVersion> read_version(const Json& list) {
  TRY_ASSIGN(std::string text, string_member(list, "cniVersion"));
  TRY_ASSIGN(std::vector<std::string> texts, strings_member(list, "cniVersions"));
  // A list without a version is of the first one.
  if (text.empty() && texts.empty()) text = "0.1.0";
  if (!text.empty()) texts.push_back(text);
  std::vector<SpecVersion> known;
  for (const std::string& each : texts) {
    if (const auto version = parse_version(each)) known.push_back(*version);
  }
  if (known.empty())
    return invalid(fmt::format("version \"{}\" of CNI is not known", printable(texts.back(), 32)));
  return std::ranges::max(known);
}

Result<PluginConfig> read_plugin(const Json& json) {
  if (!json.is_object()) return invalid("a plugin is not an object");
  PluginConfig out;
  TRY_ASSIGN(out.type, string_member(json, "type"));
  if (!is_name(out.type) || out.type.size() > kMaxName)
    return invalid(fmt::format("plugin type \"{}\" is not a name", printable(out.type, kMaxName)));
  TRY_ASSIGN(const Json* capabilities, object_member(json, "capabilities"));
  if (capabilities != nullptr) {
    for (const auto& [name, wanted] : capabilities->items()) {
      if (!wanted.is_boolean()) return invalid("\"capabilities\" has what is not true or false");
      if (wanted.get<bool>()) out.capabilities.push_back(name);
    }
  }
  out.bytes = to_text(json);
  return out;
}

Result<std::vector<PluginConfig>> read_plugins(const Json& list) {
  TRY_ASSIGN(const Json* plugins, array_member(list, "plugins"));
  std::vector<PluginConfig> out;
  if (plugins == nullptr) return out;
  if (plugins->size() > kMaxPlugins)
    return invalid(fmt::format("more than {} plugins", kMaxPlugins));
  for (const Json& plugin : *plugins) {
    TRY_ASSIGN(PluginConfig read, read_plugin(plugin));
    out.push_back(std::move(read));
  }
  return out;
}

Result<NetworkList> read_list(const Json& json, std::string bytes) {
  NetworkList out;
  TRY_ASSIGN(out.name, string_member(json, "name"));
  TRY(check_name("network", out.name));
  TRY_ASSIGN(out.version, read_version(json));
  TRY_ASSIGN(out.disable_check, bool_member(json, "disableCheck"));
  TRY_ASSIGN(out.inlined_only, bool_member(json, "loadOnlyInlinedPlugins"));
  TRY_ASSIGN(out.plugins, read_plugins(json));
  // Without a list of its own a network may still have plugins in the directory beside it.
  if (out.plugins.empty() && (out.inlined_only || json.contains("plugins")))
    return invalid(fmt::format("network \"{}\" has no plugin", out.name));
  if (out.plugins.size() > 1 && !has_chains(out.version))
    return invalid(fmt::format("network \"{}\" has {} plugins, but CNI {} knows no chains",
                               out.name,
                               out.plugins.size(),
                               version_text(out.version)));
  out.bytes = std::move(bytes);
  return out;
}

Result<NetworkList> with_reason(Result<NetworkList> list) {
  if (list) return list;
  return std::move(list).error().with_reason("NETWORK_INVALID");
}

Result<NetworkList> read_list_text(std::string_view bytes) {
  TRY_ASSIGN(const Json json, parse_object(bytes));
  return read_list(json, std::string(bytes));
}

Result<NetworkList> read_conf_text(std::string_view bytes) {
  TRY_ASSIGN(const Json json, parse_object(bytes));
  if (json.contains("plugins"))
    return invalid("a .conf holds one plugin; a list of plugins is a .conflist");
  Json list = {{"plugins", Json::array({json})}};
  for (const char* key : {"name", "cniVersion", "cniVersions"}) {
    if (const auto found = json.find(key); found != json.end()) list[key] = *found;
  }
  list["loadOnlyInlinedPlugins"] = true;
  std::string text = to_text(list);
  return read_list(list, std::move(text));
}

Result<NetworkList> reread(const Json& json) { return with_reason(read_list(json, to_text(json))); }

}  // namespace

Result<> check_name(std::string_view what, std::string_view name) {
  if (is_name(name) && name.size() <= kMaxName) return {};
  return invalid(fmt::format("{} \"{}\" is not a name: 1-{} letters, digits, \"_\", \".\", \"-\"",
                             what,
                             printable(name, kMaxName),
                             kMaxName));
}

Result<> check_interface_name(std::string_view name) {
  if (is_name(name) && name.size() <= kMaxInterfaceName) return {};
  return invalid(fmt::format("interface \"{}\" is not a name of 1-{} characters",
                             printable(name, kMaxName),
                             kMaxInterfaceName));
}

Result<NetworkList> parse_network_list(std::string_view bytes) {
  return with_reason(read_list_text(bytes));
}

Result<NetworkList> parse_network_conf(std::string_view bytes) {
  return with_reason(read_conf_text(bytes));
}

Result<NetworkList> with_plugins(const NetworkList& list, const std::vector<std::string>& plugins) {
  TRY_ASSIGN(Json json, parse_object(list.bytes));
  Json& all = json["plugins"];
  if (all.is_null()) all = Json::array();
  for (const std::string& text : plugins) {
    TRY_ASSIGN(Json plugin, parse_object(text));
    all.push_back(std::move(plugin));
  }
  json["loadOnlyInlinedPlugins"] = true;
  return reread(json);
}

}  // namespace skerry::cni
