// What comes from outside into the network runtime: lists, plugins' answers, cache files. The first
// byte says which.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cni/attachment.h"
#include "cni/cni_result.h"
#include "cni/leases.h"
#include "cni/network_list.h"
#include "cni/plugin_call.h"
#include "cni/plugin_error.h"
#include "cni/result_cache.h"

namespace {

using namespace skerry::cni;

void try_list(const skerry::Result<NetworkList>& list) {
  if (!list) return;
  CHECK(check_name("network", list->name));
  const auto again = parse_network_list(list->bytes);
  CHECK(again && again->plugins.size() == list->plugins.size());
  for (const PluginConfig& plugin : list->plugins) CHECK(compose_input(*list, plugin, {}));
  (void)lease_pool(*list);
}

void try_result(std::string_view bytes) {
  for (const auto version : {SpecVersion::k020, SpecVersion::k040, SpecVersion::k110}) {
    // A result that does not say its version is of the call's.
    const auto result = parse_result(bytes, version);
    if (!result) continue;
    const auto again = parse_result(write_result(*result, version), version);
    CHECK(again);
    CHECK(as_previous_result(bytes, version));
    if (version >= SpecVersion::k030) CHECK(again->ips.size() == result->ips.size());
  }
}

void try_cache(std::string_view bytes) {
  const auto entry = parse_cache_entry(bytes);
  if (!entry) return;
  const auto again = parse_cache_entry(write_cache_entry(*entry));
  CHECK(again && again->config == entry->config && again->args == entry->args);
}

void try_failure(std::string_view bytes) {
  skerry::os::Output output;
  output.status.code = 1;
  output.out = bytes;
  output.error_text = bytes;
  CHECK(!plugin_error(output).reason().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'l':
      try_list(parse_network_list(bytes));
      break;
    case 'c':
      try_list(parse_network_conf(bytes));
      break;
    case 'r':
      try_result(bytes);
      break;
    case 'k':
      try_cache(bytes);
      break;
    default:
      try_failure(bytes);
  }
  return 0;
}
