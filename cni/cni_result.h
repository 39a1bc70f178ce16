// What a plugin answers to ADD, whatever version of the specification it speaks, as one value.
// CNI specification, section 5. A plugin's answer is foreign: nothing in the value is unchecked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cni/ip_prefix.h"
#include "cni/spec_version.h"

namespace skerry::cni {

struct ResultInterface {
  std::string name;
  std::string mac;
  /// Path of its network namespace; empty on the host's side.
  std::string sandbox;
};

struct ResultIp {
  IpPrefix address;
  std::optional<IpAddress> gateway;
  /// Index in `interfaces`.
  std::optional<std::size_t> interface;
};

struct ResultRoute {
  IpPrefix destination;
  std::optional<IpAddress> gateway;
};

/// What resolv.conf(5) takes; nothing in it has white space or control characters.
struct DnsSettings {
  std::vector<IpAddress> servers;
  std::string domain;
  std::vector<std::string> search;
  std::vector<std::string> options;
};

struct CniResult {
  std::vector<ResultInterface> interfaces;
  std::vector<ResultIp> ips;
  std::vector<ResultRoute> routes;
  DnsSettings dns;
};

/// Reads a result of the version it says it has (or, if it does not say, of `version`).
/// Errors: INVALID_ARGUMENT, reason CNI_RESULT_INVALID. Blocks: never.
Result<CniResult> parse_result(std::string_view bytes, SpecVersion version);

/// Writes it as `version` has it: 0.1 and 0.2 keep one address of a kind and no interface.
std::string write_result(const CniResult& result, SpecVersion version);

/// The result as the previous one of a call in `version`: the plugin's own bytes, with what we do
/// not know in them, or converted when it is of another version. Errors: as parse_result.
Result<std::string> as_previous_result(std::string_view bytes, SpecVersion version);

}  // namespace skerry::cni
