// The shim: parent of one container's first process, from the fork until its last output is logged.
// Its words to the daemon are in shim_protocol.h, to the child in child.h.
#pragma once

#include <span>
#include <vector>

#include "base/unique_fd.h"

namespace skerry::launcher {

struct ShimArguments {
  /// What came with Launch: the plan, then the plan's descriptors.
  std::vector<UniqueFd> fds;
  /// A procfs of the host's pid namespace; the shim reads its child's start time there.
  UniqueFd proc;
  /// Take our oom score back from the child.
  bool reset_oom_score = false;
  /// Where the process title is (the argv strings); may be empty.
  std::span<char> title;
};

/// Runs in the process the launcher forked, and ends it. Every descriptor not in the arguments but
/// 0, 1 and 2 is closed first. Thread: the only one.
[[noreturn]] void run_shim(ShimArguments arguments);

}  // namespace skerry::launcher
