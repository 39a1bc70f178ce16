// What the API shows of a container's networks, and tells in events: taken from the checkpoint of
// the network isolator.

#include <algorithm>

#include "agent/containers/manager.h"
#include "agent/networks/network_status.h"
#include "isolators/network/network.h"

namespace skerry::agent {
namespace {

bool is_owed(const operations::Outcome& outcome, const Uid& uid) {
  const std::string key = uid.str() + "/" + std::string(isolators::kNetworkIsolator);
  return std::ranges::any_of(outcome.debts,
                             [&](const operations::Debt& debt) { return debt.key == key; });
}

}  // namespace

void ContainerManager::show_networks_attaching(Container& container) {
  if (container.joined_pod()) return show_pod_networks(container);
  skerry::v1::Container& api = container.api();
  show_attaching(
      container.spec.config.network_settings, *api.mutable_networks(), *api.mutable_ports());
}

void ContainerManager::show_networks_attached(Container& container) {
  skerry::v1::Container& api = container.api();
  for (const auto& checkpoint : container.record.checkpoints()) {
    if (checkpoint.isolator() != isolators::kNetworkIsolator || checkpoint.bytes().empty())
      continue;
    const auto record = isolators::decode_network_record(checkpoint.bytes());
    if (record) show_attached(*record, *api.mutable_networks(), *api.mutable_ports());
  }
}

void ContainerManager::show_networks_detached(Container& container,
                                              const operations::Outcome& outcome) {
  skerry::v1::Container& api = container.api();
  show_detached(is_owed(outcome, container.uid), *api.mutable_networks(), *api.mutable_ports());
}

// Of a pod's networks its own events tell.
void ContainerManager::record_attached(store::Transaction& transaction, Container& container) {
  if (container.joined_pod()) return;
  for (const skerry::v1::AttachedNetwork& network : container.api().networks()) {
    skerry::v1::Event event = make_event(container, skerry::v1::EVENT_TYPE_NETWORK_ATTACHED);
    event.set_network(network.network());
    *event.mutable_addresses() = network.addresses();
    record(transaction, container, event);
  }
}

void ContainerManager::record_detached(store::Transaction& transaction, Container& container) {
  if (container.joined_pod()) return;
  for (const skerry::v1::AttachedNetwork& network : container.api().networks()) {
    if (network.state() != skerry::v1::ATTACHMENT_STATE_DETACHED) continue;
    skerry::v1::Event event = make_event(container, skerry::v1::EVENT_TYPE_NETWORK_DETACHED);
    event.set_network(network.network());
    *event.mutable_addresses() = network.addresses();
    record(transaction, container, event);
  }
}

}  // namespace skerry::agent
