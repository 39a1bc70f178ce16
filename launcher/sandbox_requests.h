// The launcher's part in sandboxes: it forks who makes one, and passes the rest on to the holder.
#pragma once

#include <vector>

#include "base/unique_fd.h"
#include "launcher/launcher_protocol.h"

namespace skerry::launcher {

struct SandboxRequests {
  /// The channel to the holder; -1 under a holder that is older than sandboxes.
  int holder = -1;
  /// A procfs of the host's pid namespace.
  int proc = -1;

  /// Acts on one message of `connection`. False when the connection is to be closed.
  /// Blocks: never.
  bool handle(int connection, const SandboxPacket& packet, const std::vector<UniqueFd>& fds) const;
};

}  // namespace skerry::launcher
