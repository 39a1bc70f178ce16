// skerryd ↔ launcher, over RUN/launcher.sock (SOCK_SEQPACKET, held by the holder).
//
//   skerryd                                   launcher
//      │  connect                                 │
//      │◄──────────── Hello{version, build} ──────┤   on accept
//      │                                          │
//      ├── Launch{request} + [plan, fds…] ───────►│ fork shim
//      │◄── Launched{request, shim_pid} + [pidfd]─┤
//      │◄── Refused{request, errno} ──────────────┤   when the fork failed
//      │                                          │
//      ├── Replace{} + [memfd of new program] ───►│ execs it; the connection ends, skerryd connects
//      anew
//
// One message, one datagram; every struct is fixed-size, native byte order, both ends on one host.
// The plan is the first descriptor (sealed memfd, plan/codec.h); FdIndex 0 is the one after it.
// More than 252 descriptors do not fit and are refused before anything is sent. Closing the
// connection cancels nothing. The launcher keeps no state: a killed one is respawned by the holder.
#pragma once

#include <cstdint>

namespace skerry::launcher {

constexpr std::uint32_t kLauncherProtocol = 1;
constexpr std::size_t kMaxPlanFds = 252;

enum class LauncherMessage : std::uint32_t {
  kHello = 1,
  kLaunch = 2,
  kLaunched = 3,
  kRefused = 4,
  kReplace = 5,
};

/// Every message in both directions; unused fields are zero.
struct LauncherPacket {
  LauncherMessage type{};
  std::uint32_t version = kLauncherProtocol;
  std::uint64_t request = 0;
  std::int32_t pid = 0;            ///< kLaunched: the shim's; kHello: the launcher's
  std::int32_t sys_errno = 0;      ///< kRefused
  std::uint32_t plan_version = 0;  ///< kHello
  std::int32_t holder_pid = 0;     ///< kHello
  /// First bytes of the SHA-256 of the running program, so that skerryd knows when to replace it.
  /// The launcher is told its own (`skerry-launcher --holder --build HEX`, or in kReplace) and
  /// repeats it in kHello.
  std::uint8_t build[16] = {};
};
static_assert(sizeof(LauncherPacket) == 48);

}  // namespace skerry::launcher
