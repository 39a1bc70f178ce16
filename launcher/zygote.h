// The launcher proper: takes plans from the daemon and forks a shim for each.
// Protocol: launcher_protocol.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace skerry::launcher {

/// First bytes of the SHA-256 of the running program.
using Build = std::array<std::uint8_t, 16>;

struct ZygoteArguments {
  /// The listening socket, borrowed from the holder.
  int listener = -1;
  Build build{};
  /// The argv strings, where shims write their title.
  std::span<char> title;
};

/// Serves until it is killed or replaced. Makes a mount namespace of its own first. Everything that
/// shims need is forked, nothing is kept per container. Returns an exit code when it cannot start.
/// Thread: the only one.
int run_zygote(const ZygoteArguments& arguments);

/// 32 hex digits. False when the text is not that.
bool parse_build(std::string_view text, Build& build);
std::string format_build(const Build& build);

}  // namespace skerry::launcher
