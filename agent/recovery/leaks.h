// Looks for what belongs to this daemon and to no container. Reads only; what it finds is what a
// bug left behind, or somebody's hand.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "agent/containers/host.h"
#include "agent/containers/snapshot.h"
#include "agent/execs/board.h"
#include "agent/pods/board.h"

namespace skerry::agent {

struct Leak {
  /// "cgroup", "directory", "run directory", "mount", "process", "trash"; of networks "attachment",
  /// "address", "sandbox", "interface"; of volumes "volume reference", "volume mount".
  std::string kind;
  std::string object;  ///< a path, a pid
  std::string uid;     ///< the container it names; may be empty
  std::string detail;
};

/// `being_deleted`: names in ROOT/trash that somebody is at. `standby`: uids of processes that wait
/// for a launch (agent/containers/standby_shelf.h). Blocks: kernel, milliseconds. Thread:
/// worker.
std::vector<Leak> find_leaks(const Host& host,
                             const Snapshot& snapshot,
                             const ExecViews& execs,
                             const PodSnapshot& pods,
                             const std::set<std::string>& being_deleted,
                             const std::set<std::string>& standby);

}  // namespace skerry::agent
