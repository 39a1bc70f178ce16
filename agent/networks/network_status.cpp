#include "agent/networks/network_status.h"

#include "agent/networks/pod_network.h"

namespace skerry::agent {
namespace {

void show_ports(const std::vector<cni::PortMapping>& mappings,
                v1::PortState state,
                PortStatus& ports) {
  ports.Clear();
  for (const cni::PortMapping& mapping : mappings) {
    v1::PublishedPort& port = *ports.Add();
    *port.mutable_mapping() = to_api(mapping);
    port.set_state(state);
  }
}

}  // namespace

void show_attaching(const isolators::NetworkSettings& settings,
                    NetworkStatus& networks,
                    PortStatus& ports) {
  networks.Clear();
  for (const isolators::NetworkWish& wish : settings.networks) {
    v1::AttachedNetwork& network = *networks.Add();
    network.set_network(wish.network);
    network.set_interface(wish.interface);
    network.set_state(v1::ATTACHMENT_STATE_ATTACHING);
  }
  show_ports(settings.ports, v1::PORT_STATE_RESERVED, ports);
}

void show_attached(const isolators::NetworkRecord& record,
                   NetworkStatus& networks,
                   PortStatus& ports) {
  networks.Clear();
  for (const isolators::NetworkMembership& one : record.networks) {
    v1::AttachedNetwork& network = *networks.Add();
    network.set_network(one.network);
    network.set_interface(one.interface);
    network.set_host_interface(one.host_interface);
    network.set_mac_address(one.mac);
    for (const std::string& address : one.addresses) network.add_addresses(address);
    for (const std::string& gateway : one.gateways) network.add_gateways(gateway);
    network.set_state(v1::ATTACHMENT_STATE_ATTACHED);
  }
  show_ports(record.ports, v1::PORT_STATE_OPEN, ports);
}

void show_detaching(NetworkStatus& networks) {
  for (v1::AttachedNetwork& network : networks) network.set_state(v1::ATTACHMENT_STATE_DETACHING);
}

void show_detached(bool is_owed, NetworkStatus& networks, PortStatus& ports) {
  for (v1::AttachedNetwork& network : networks) {
    network.set_state(is_owed ? v1::ATTACHMENT_STATE_DETACHING : v1::ATTACHMENT_STATE_DETACHED);
  }
  for (v1::PublishedPort& port : ports) {
    port.set_state(is_owed ? v1::PORT_STATE_RESERVED : v1::PORT_STATE_RELEASED);
  }
}

}  // namespace skerry::agent
