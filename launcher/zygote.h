// The launcher proper: takes plans from the daemon and forks a shim for each.
// Protocol: launcher_protocol.h.
#pragma once

#include <span>

#include "launcher/build.h"

namespace skerry::launcher {

struct ZygoteArguments {
  /// The listening socket, borrowed from the holder.
  int listener = -1;
  /// The channel to the holder (holder_protocol.h); -1 where the holder has none.
  int holder = -1;
  Build build{};
  /// The argv strings, where shims write their title.
  std::span<char> title;
};

/// Serves until it is killed or replaced. Makes a mount namespace of its own first. Everything that
/// shims need is forked, nothing is kept per container. Returns an exit code when it cannot start.
/// Thread: the only one.
int run_zygote(const ZygoteArguments& arguments);

}  // namespace skerry::launcher
