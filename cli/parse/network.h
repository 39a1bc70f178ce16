// What people type for networks and ports, as Docker writes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "skerry/v1/pod_spec.pb.h"

namespace skerry::cli {

/// "[IP:]HOST:CONTAINER[/tcp|udp]"; an IPv6 address stands in brackets. Both ports are numbers, or
/// ranges of one length ("8000-8002:80-82"), a mapping for each port then. Errors:
/// INVALID_ARGUMENT; for a port of the container alone too (no port of the host is chosen by
/// chance).
Result<std::vector<v1::PortMapping>> parse_ports(std::string_view text);

/// "NAME", or "name=NAME[,interface=IF][,ip=ADDRESS][,ip6=ADDRESS][,mac-address=MAC]". Errors:
/// INVALID_ARGUMENT.
Result<v1::NetworkAttachment> parse_network(std::string_view text);

/// "NAME:IP", more names for one address joined. Errors: INVALID_ARGUMENT.
Result<> add_host_alias(std::string_view text, v1::PodSpec& pod);

/// What run, create and pod create were told about the pod, as typed.
struct PodOptions {
  std::vector<std::string> networks;
  std::vector<std::string> ports;
  std::vector<std::string> dns;
  std::vector<std::string> dns_searches;
  std::vector<std::string> dns_options;
  std::vector<std::string> hosts;
  std::vector<std::string> sysctls;
  std::string hostname;
  std::string ip;
  std::string ip6;
  std::string mac_address;
};

/// Fills `pod` with it. Errors: INVALID_ARGUMENT naming the option.
Result<> fill_pod_spec(const PodOptions& options, v1::PodSpec& pod);

}  // namespace skerry::cli
