// From the network's part of a PodSpec to the values isolators and desk work with. Pure.
#pragma once

#include <string>

#include "agent/config/config.h"
#include "base/result.h"
#include "isolators/container_config.h"
#include "skerry/v1/pod_spec.pb.h"

namespace skerry::agent {

struct PodNetwork {
  isolators::NetworkMode mode = isolators::NetworkMode::kNone;
  isolators::NetworkSettings settings;  ///< of kNetworks; `owner` is the caller's to say
};

/// Network mode, networks, ports, dns and host_aliases, with every default filled in. `path` begins
/// the field's name in errors: "spec.pod". Errors: INVALID_ARGUMENT, reasons FIELD_INVALID and
/// PORT_REPEATED. Blocks: never. Thread: any.
Result<PodNetwork> check_pod_network(const v1::PodSpec& pod,
                                     const std::string& path,
                                     const config::NetworkOptions& options);

/// The API's words for a mapping.
v1::PortMapping to_api(const cni::PortMapping& port);

}  // namespace skerry::agent
