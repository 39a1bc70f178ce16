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

struct Members {
  const Snapshot& snapshot;
  const PodSnapshot& pods;
};

bool is_on(const v1::Container& container, const std::string& mode) {
  return container.state() != v1::CONTAINER_STATE_EXITED && container.networks().empty() &&
         container.pod_uid().empty() &&
         (mode == "host") == (container.spec().pod().network() == v1::NETWORK_MODE_HOST);
}

// Who holds a membership; whoever has left still shows his old addresses.
void add_member(const std::string& name,
                const google::protobuf::RepeatedPtrField<v1::AttachedNetwork>& networks,
                const v1::NetworkMember& who,
                v1::Network& out) {
  for (const v1::AttachedNetwork& network : networks) {
    if (network.network() != name || network.state() == v1::ATTACHMENT_STATE_DETACHED) continue;
    v1::NetworkMember& member = *out.add_members();
    member = who;
    *member.mutable_attachment() = network;
  }
}

template <class Object>
v1::NetworkMember member_of(const Object& object) {
  v1::NetworkMember who;
  who.set_tenant(object.tenant());
  who.set_pod_uid(object.uid());
  who.set_pod_name(object.name().empty() ? object.id() : object.name());
  return who;
}

// A container that joined a pod is on its networks only.
void add_members(const std::string& name, const Members& members, v1::Network& out) {
  for (const PodViewPtr& view : members.pods.all()) {
    add_member(name, view->pod.networks(), member_of(view->pod), out);
  }
  for (const ViewPtr& view : members.snapshot.all()) {
    if (!view->container.pod_uid().empty()) continue;
    add_member(name, view->container.networks(), member_of(view->container), out);
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
          const Members& members,
          v1::Network& out) {
  const cni::NetworkList list = network.is_generated ? desk.generated().list() : network.list;
  out.set_name(list.name);
  out.set_source(network.source);
  out.set_cni_version(std::string(cni::version_text(list.version)));
  for (const cni::PluginConfig& plugin : list.plugins) out.add_plugins(plugin.type);
  const auto checked = check_network_plugins(desk.book().paths(), list);
  if (!checked) out.set_problem(checked.error().message());
  add_members(list.name, members, out);
  if (!network.is_generated || desk.generated().is_chosen()) add_ranges(list, out);
}

bool is_on(const v1::Pod& pod, const std::string& mode) {
  return pod.state() != v1::POD_STATE_STOPPED && pod.networks().empty() &&
         (mode == "host") == (pod.spec().network() == v1::NETWORK_MODE_HOST);
}

void fill_mode(const std::string& name, const Members& members, v1::Network& out) {
  out.set_name(name);
  const auto all = members.snapshot.all();
  const auto& pods = members.pods.all();
  const auto count =
      std::ranges::count_if(all,
                            [&](const ViewPtr& view) { return is_on(view->container, name); }) +
      std::ranges::count_if(pods, [&](const PodViewPtr& view) { return is_on(view->pod, name); });
  out.set_members_count(static_cast<std::uint32_t>(count));
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

std::vector<v1::Network> list_networks(const NetworkDesk& desk,
                                       const Snapshot& snapshot,
                                       const PodSnapshot& pods) {
  const Members members{.snapshot = snapshot, .pods = pods};
  std::vector<v1::Network> all;
  for (const char* mode : {"host", "none"}) fill_mode(mode, members, all.emplace_back());
  const auto table = desk.book().table();
  for (const auto& [name, network] : table->networks) {
    fill(network, desk, members, all.emplace_back());
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
                                const PodSnapshot& pods,
                                const std::string& name) {
  const Members members{.snapshot = snapshot, .pods = pods};
  v1::Network out;
  if (is_mode(name)) {
    fill_mode(name, members, out);
  } else {
    TRY_ASSIGN(const KnownNetwork network, find_network(*desk.book().table(), name));
    fill(network, desk, members, out);
    count_leases(network.is_generated ? desk.generated().list() : network.list, out);
    add_infrastructure(network, desk, out);
  }
  out.set_is_default(name == desk.default_network());
  return out;
}

}  // namespace skerry::agent
