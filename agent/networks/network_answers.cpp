#include "agent/networks/network_answers.h"

#include <algorithm>

#include <fmt/format.h>

#include "agent/networks/list_ranges.h"
#include "cni/default_network.h"
#include "cni/leases.h"
#include "cni/link.h"

namespace skerry::agent {
namespace {

bool is_mode(const std::string& name) { return name == "none" || name == "host"; }

bool is_on(const v1::Container& container, const std::string& mode) {
  return container.state() != v1::CONTAINER_STATE_EXITED && container.networks().empty() &&
         (mode == "host") == (container.spec().pod().network() == v1::NETWORK_MODE_HOST);
}

// Containers that hold a membership; whoever has left still shows his old addresses.
void add_members(const std::string& name, const Snapshot& snapshot, v1::Network& out) {
  for (const ViewPtr& view : snapshot.all()) {
    const v1::Container& container = view->container;
    for (const v1::AttachedNetwork& network : container.networks()) {
      if (network.network() != name || network.state() == v1::ATTACHMENT_STATE_DETACHED) continue;
      v1::NetworkMember& member = *out.add_members();
      member.set_tenant(container.tenant());
      const bool joined = !container.pod_uid().empty();
      member.set_pod_uid(joined ? container.pod_uid() : container.uid());
      member.set_pod_name(joined                     ? container.pod_name()
                          : container.name().empty() ? container.id()
                                                     : container.name());
      *member.mutable_attachment() = network;
    }
  }
  out.set_members_count(static_cast<std::uint32_t>(out.members_size()));
}

void add_ranges(const cni::NetworkList& list, v1::Network& out) {
  const auto pool = cni::lease_pool(list);
  const std::vector<ListRange> ranges = ranges_of(list);
  for (const ListRange& range : ranges) {
    v1::AddressRange& one = *out.add_ranges();
    one.set_subnet(range.subnet);
    one.set_gateway(range.gateway);
    // Of several ranges only the sum is known.
    if (pool && ranges.size() == 1) {
      one.set_total(pool->capacity);
      one.set_used(out.members_count());
    }
  }
}

void count_leases(const cni::NetworkList& list, v1::Network& out) {
  const auto pool = cni::lease_pool(list);
  if (!pool || out.ranges_size() != 1) return;
  const auto leases = cni::list_leases(*pool);
  if (leases) out.mutable_ranges(0)->set_used(leases->size());
}

void fill(const KnownNetwork& network,
          const NetworkDesk& desk,
          const Snapshot& snapshot,
          v1::Network& out) {
  const cni::NetworkList list = network.is_generated ? desk.generated().list() : network.list;
  out.set_name(list.name);
  out.set_source(network.source);
  out.set_cni_version(std::string(cni::version_text(list.version)));
  for (const cni::PluginConfig& plugin : list.plugins) out.add_plugins(plugin.type);
  const auto checked = check_network_plugins(desk.book().paths(), list);
  if (!checked) out.set_problem(checked.error().message());
  add_members(list.name, snapshot, out);
  if (!network.is_generated || desk.generated().is_chosen()) add_ranges(list, out);
}

void fill_mode(const std::string& name, const Snapshot& snapshot, v1::Network& out) {
  out.set_name(name);
  const auto all = snapshot.all();
  out.set_members_count(static_cast<std::uint32_t>(std::ranges::count_if(
      all, [&](const ViewPtr& view) { return is_on(view->container, name); })));
}

void add_infrastructure(const KnownNetwork& network, const NetworkDesk& desk, v1::Network& out) {
  const cni::NetworkList list = network.is_generated ? desk.generated().list() : network.list;
  const std::string bridge = cni::bridge_of(list);
  if (!bridge.empty()) {
    const auto state = cni::inspect_bridge(bridge);
    v1::NetworkInfrastructure& one = *out.add_infrastructure();
    one.set_kind("bridge");
    one.set_object(bridge);
    one.set_present(state && state->has_value());
    if (one.present()) one.set_detail(fmt::format("{} interfaces", (*state)->ports));
    if (!state) one.set_detail(state.error().message());
  }
  if (const auto pool = cni::lease_pool(list)) {
    const auto leases = cni::list_leases(*pool);
    v1::NetworkInfrastructure& one = *out.add_infrastructure();
    one.set_kind("state directory");
    one.set_object(pool->directory);
    one.set_present(leases && !leases->empty());
    if (leases) one.set_detail(fmt::format("{} leases", leases->size()));
  }
}

}  // namespace

std::vector<v1::Network> list_networks(const NetworkDesk& desk, const Snapshot& snapshot) {
  std::vector<v1::Network> all;
  for (const char* mode : {"host", "none"}) fill_mode(mode, snapshot, all.emplace_back());
  const auto table = desk.book().table();
  for (const auto& [name, network] : table->networks) {
    fill(network, desk, snapshot, all.emplace_back());
    all.back().clear_members();
  }
  for (v1::Network& network : all) {
    network.set_is_default(network.name() == desk.default_network());
  }
  std::ranges::sort(all, {}, [](const v1::Network& network) { return network.name(); });
  return all;
}

Result<v1::Network> get_network(const NetworkDesk& desk,
                                const Snapshot& snapshot,
                                const std::string& name) {
  v1::Network out;
  if (is_mode(name)) {
    fill_mode(name, snapshot, out);
  } else {
    TRY_ASSIGN(const KnownNetwork network, find_network(*desk.book().table(), name));
    fill(network, desk, snapshot, out);
    count_leases(network.is_generated ? desk.generated().list() : network.list, out);
    add_infrastructure(network, desk, out);
  }
  out.set_is_default(name == desk.default_network());
  return out;
}

}  // namespace skerry::agent
