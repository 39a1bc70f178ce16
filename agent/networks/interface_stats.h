// Counters of network interfaces, as /proc/PID/net/dev tells them of that process's namespace.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skerry::agent {

struct InterfaceCounters {
  std::string name;
  std::uint64_t received_bytes = 0;
  std::uint64_t received_packets = 0;
  std::uint64_t received_errors = 0;
  std::uint64_t received_dropped = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t sent_packets = 0;
  std::uint64_t sent_errors = 0;
  std::uint64_t sent_dropped = 0;
  bool operator==(const InterfaceCounters&) const = default;
};

/// Without loopback. Lines that are none are left out. Blocks: never.
std::vector<InterfaceCounters> parse_net_dev(std::string_view text);

/// Errors: NOT_FOUND when there is no such process (any more); the caller knows by its pidfd
/// whether it was the right one. Blocks: kernel.
Result<std::vector<InterfaceCounters>> read_interfaces(pid_t pid);

/// Of a network namespace without a process that would be in it for sure. Blocks: kernel.
Result<std::vector<InterfaceCounters>> read_interfaces_of(int net_namespace);

}  // namespace skerry::agent
