// What host-local keeps on disk: one file per address, named by it, with who has it. Its format is
// that of the reference plugin ("CONTAINER\r\nINTERFACE").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cni/cni_result.h"
#include "cni/ip_prefix.h"
#include "cni/network_list.h"

namespace skerry::cni {

/// The address pool of a network whose IPAM plugin is host-local.
struct LeasePool {
  /// The directory of this network's leases: dataDir with the network's name.
  std::string directory;
  /// Addresses that can be given out; saturates at 2^64-1.
  std::uint64_t capacity = 0;
  /// The ranges' subnets.
  std::vector<IpPrefix> subnets = {};
};

/// The pool in the list's configuration; absent when no plugin uses host-local. Ranges that cannot
/// be read count as empty: the plugin refuses them. Blocks: never.
std::optional<LeasePool> lease_pool(const NetworkList& list);

struct Lease {
  IpAddress address;
  std::string container;
  /// Empty in leases of old plugins.
  std::string interface;
};

/// All leases, in the order of their files' names. A pool nobody used yet has none. Files that are
/// not named by an address (`lock`, `last_reserved_ip.0`) are passed over; a lease without a
/// readable owner has an empty container. Blocks: disk. Thread: worker.
Result<std::vector<Lease>> list_leases(const LeasePool& pool);

/// Removes leases that name nobody: a power cut left their files without the bytes, and no DEL can
/// give such an address back. Under the lock that host-local holds from a file's making to its
/// writing, so that none of a running plugin goes. Returns the addresses. Errors: ABORTED,
/// retryable, when a plugin holds the lock. Blocks: disk. Thread: worker.
Result<std::vector<IpAddress>> remove_nameless_leases(const LeasePool& pool);

/// What is known of an attachment whose ADD was broken off: the addresses it had been given so far,
/// of which a DEL can undo what came after. Absent when it has no lease. Errors, Blocks: as
/// list_leases.
Result<std::optional<CniResult>> result_of_leases(const NetworkList& list,
                                                  const std::string& container,
                                                  const std::string& interface);

/// The owner in a lease's file. Blocks: never.
Lease parse_lease(const IpAddress& address, std::string_view text);

}  // namespace skerry::cni
