// What the API shows of a container's (or pod's) networks, as they come and go.
#pragma once

#include <google/protobuf/repeated_field.h>

#include "isolators/network/network_settings.h"
#include "skerry/v1/network.pb.h"

namespace skerry::agent {

using NetworkStatus = google::protobuf::RepeatedPtrField<v1::AttachedNetwork>;
using PortStatus = google::protobuf::RepeatedPtrField<v1::PublishedPort>;

/// Being attached: no addresses yet, ports reserved. Replaces what is there.
void show_attaching(const isolators::NetworkSettings& settings,
                    NetworkStatus& networks,
                    PortStatus& ports);
void show_attached(const isolators::NetworkRecord& record,
                   NetworkStatus& networks,
                   PortStatus& ports);
/// The process has ended, the plugins are being called.
void show_detaching(NetworkStatus& networks);
/// Given back; the addresses stay for people to read. What is owed shows as being given back.
void show_detached(bool is_owed, NetworkStatus& networks, PortStatus& ports);

}  // namespace skerry::agent
