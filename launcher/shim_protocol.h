// skerryd ↔ shim. The first connection is a socket pair that came with the plan; after a restart
// the new daemon connects to the socket in the container's run directory. Both speak the same from
// then on, and a shim serves one daemon at a time: a new connection replaces the old one.
//
//   skerryd                                  shim
//      │◄──────── Hello{state, pid} + [pidfd] ─┤  connected later: first message; also the first
//      thing │                                       │  on the pair, once the child is cloned
//      (kSettingUp) │◄──────── Created ─────────────────────┤  child at the barrier (plan.hold)
//      ├───────── Start ──────────────────────►│
//      │◄──────── Running ─────────────────────┤  exec has happened
//      │◄──────── Failed{operation, errno} ────┤  instead of Created or Running; the shim ends
//      ├───────── OpenStdin ──────────────────►│
//      │◄──────── Stdin + [pipe] ──────────────┤
//      ├───────── CloseStdin ─────────────────►│
//      │◄──────── Exited{wait status} ─────────┤  sent before the exit record is written
//      │◄──────── LogComplete{dropped} ────────┤  every byte of output is in the log; the shim ends
//      ├───────── Abort ──────────────────────►│  kill the child now (a launch that is given up)
//
// Shims live for months: skerryd N speaks to shims N−1 and N−2, an unknown message is answered by
// Unknown and ignored. Fixed-size structs, native byte order.
#pragma once

#include <cstdint>

namespace skerry::launcher {

constexpr std::uint32_t kShimProtocol = 1;

enum class ShimMessage : std::uint32_t {
  kHello = 1,
  kCreated = 2,
  kStart = 3,
  kRunning = 4,
  kFailed = 5,
  kOpenStdin = 6,
  kStdin = 7,
  kCloseStdin = 8,
  kExited = 9,
  kLogComplete = 10,
  kAbort = 11,
  kUnknown = 12,
};

enum class ShimState : std::uint32_t {
  kSettingUp = 1,  ///< operations of the plan are running
  kCreated = 2,    ///< waits at the barrier
  kRunning = 3,
  kExited = 4,  ///< the exit record is written, output is still being drained
};

/// Operation numbers below are indexes into LaunchPlan::operations, or one of these.
constexpr std::int32_t kFailedClone = -1;   ///< clone3()
constexpr std::int32_t kFailedCgroup = -2;  ///< joining the cgroups, or their namespace
constexpr std::int32_t kFailedExec = -3;
constexpr std::int32_t kFailedPlan = -4;    ///< the plan did not decode, or a descriptor is missing
constexpr std::int32_t kFailedStdio = -5;   ///< pipes, /dev/null or the log
constexpr std::int32_t kFailedKilled = -6;  ///< the child died before exec; `status` says how

struct ShimPacket {
  ShimMessage type{};
  std::uint32_t version = kShimProtocol;
  ShimState state{};          ///< kHello
  std::int32_t pid = 0;       ///< kHello: the container's first process in the host's pid namespace
  std::int32_t shim_pid = 0;  ///< kHello
  std::int32_t operation = 0;     ///< kFailed
  std::int32_t sys_errno = 0;     ///< kFailed
  std::int32_t status = 0;        ///< kExited, kFailed(kFailedKilled): wait status as of waitpid(2)
  std::uint64_t time_ns = 0;      ///< kExited: CLOCK_REALTIME; kRunning: time of exec
  std::uint64_t log_dropped = 0;  ///< kLogComplete: entries thrown away
  std::uint64_t start_ticks = 0;  ///< kHello: start time of the process, /proc/PID/stat field 22
};
static_assert(sizeof(ShimPacket) == 56);

}  // namespace skerry::launcher
