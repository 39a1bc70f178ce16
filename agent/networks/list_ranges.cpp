#include "agent/networks/list_ranges.h"

#include <nlohmann/json.hpp>

#include "cni/ip_prefix.h"

namespace skerry::agent {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void add_range(const Json& range, std::vector<ListRange>& out) {
  if (!range.is_object()) return;
  const std::string subnet = text_of(range, "subnet");
  if (cni::IpPrefix::parse(subnet)) out.push_back({subnet, text_of(range, "gateway")});
}

void add_plugin(const cni::PluginConfig& plugin, std::vector<ListRange>& out) {
  const Json json = Json::parse(plugin.bytes, nullptr, false);
  if (!json.is_object()) return;
  const auto ipam = json.find("ipam");
  if (ipam == json.end() || !ipam->is_object() || text_of(*ipam, "type") != "host-local") return;
  // The single range of the plugin's first versions lies in the object itself.
  add_range(*ipam, out);
  const auto sets = ipam->find("ranges");
  if (sets == ipam->end() || !sets->is_array()) return;
  for (const Json& set : *sets) {
    if (!set.is_array()) continue;
    for (const Json& range : set) add_range(range, out);
  }
}

}  // namespace

std::vector<ListRange> ranges_of(const cni::NetworkList& list) {
  std::vector<ListRange> out;
  for (const cni::PluginConfig& plugin : list.plugins) add_plugin(plugin, out);
  return out;
}

}  // namespace skerry::agent
