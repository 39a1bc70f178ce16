#include "agent/api/stats_answers.h"

#include "agent/containers/record.h"

namespace skerry::agent {

using google::protobuf::RepeatedPtrField;

void fill_stats(const v1::Container& container,
                const os::CgroupUsage& usage,
                WallTime now,
                v1::ContainerStats& out) {
  out.set_tenant(container.tenant());
  out.set_id(container.id());
  out.set_name(container.name());
  out.set_uid(container.uid());
  out.set_attempt(container.attempt());
  *out.mutable_time() = to_timestamp(now);
  fill_usage(usage, container.effective_resources().limits(), out);
}

void fill_interfaces(const std::vector<InterfaceCounters>& interfaces,
                     const RepeatedPtrField<v1::AttachedNetwork>& networks,
                     RepeatedPtrField<v1::InterfaceStats>& out) {
  for (const InterfaceCounters& counters : interfaces) {
    v1::InterfaceStats& one = *out.Add();
    one.set_name(counters.name);
    for (const v1::AttachedNetwork& network : networks) {
      if (network.interface() == counters.name) one.set_network(network.network());
    }
    one.set_received_bytes(counters.received_bytes);
    one.set_received_packets(counters.received_packets);
    one.set_received_errors(counters.received_errors);
    one.set_received_dropped(counters.received_dropped);
    one.set_sent_bytes(counters.sent_bytes);
    one.set_sent_packets(counters.sent_packets);
    one.set_sent_errors(counters.sent_errors);
    one.set_sent_dropped(counters.sent_dropped);
  }
}

}  // namespace skerry::agent
