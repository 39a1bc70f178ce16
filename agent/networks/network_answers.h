// What NetworkService answers: from the desk and the snapshot of the containers.
#pragma once

#include <string>
#include <vector>

#include "agent/containers/snapshot.h"
#include "agent/networks/network_desk.h"
#include "agent/pods/board.h"
#include "base/result.h"
#include "skerry/v1/network.pb.h"

namespace skerry::agent {

/// All networks by name, the modes "none" and "host" among them. `problem` is found by looking for
/// the plugins. Blocks: disk, briefly. Thread: worker.
std::vector<v1::Network> list_networks(const NetworkDesk& desk,
                                       const Snapshot& snapshot,
                                       const PodSnapshot& pods);

/// The same of one, with its members and what it has made on the host; `used` of its ranges counts
/// leases. Errors: NOT_FOUND, reason NETWORK_NOT_FOUND. Blocks: disk, kernel. Thread: worker.
Result<v1::Network> get_network(const NetworkDesk& desk,
                                const Snapshot& snapshot,
                                const PodSnapshot& pods,
                                const std::string& name);

}  // namespace skerry::agent
