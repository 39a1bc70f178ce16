// skerryd ↔ shim. The first connection is a socket pair that came with the plan; after a restart
// the new daemon connects to the socket in the container's run directory. Both speak the same from
// then on, and a shim serves one daemon at a time: a new connection replaces the old one.
//
//   skerryd                                  shim
//      │◄──────── Hello{state, pid} + [pidfd] ─┤  connected later: first message; also the first
//      │                                       │  thing on the pair, once the child is cloned
//      │                                       │  (kSettingUp)
//      │◄──────── Created ─────────────────────┤  child at the barrier (plan.hold)
//      ├───────── Start ──────────────────────►│
//      │◄──────── Running ─────────────────────┤  exec has happened
//      │◄──────── Failed{operation, errno} ────┤  instead of Created or Running; the shim ends
//      ├───────── OpenStdin ──────────────────►│
//      │◄──────── Stdin + [pipe] ──────────────┤  with a terminal: its master, for writing only
//      ├───────── CloseStdin ─────────────────►│  a terminal has no end: Refused{ENOTTY}
//      ├───────── Attach{streams} ────────────►│  see below
//      │◄──────── Attached{log position} + [socket]
//      ├───────── Resize{rows, columns} ──────►│  Refused{ENOTTY} without a terminal
//      ├───────── GetDevpts ──────────────────►│
//      │◄──────── Devpts + [O_PATH] ───────────┤  for the plan of an exec with a terminal;
//      │                                       │  Refused{ENOENT} where the plan mounts none
//      │◄──────── Exited{wait status} ─────────┤  sent before the exit record is written
//      │◄──────── LogComplete{dropped} ────────┤  every byte of output is in the log; the shim ends
//      ├───────── Abort ──────────────────────►│  kill the child now (a launch that is given up)
//
// A standby process (plan::LaunchPlan::standby) is cloned and confined before it is known what for.
// After Hello its shim takes one message, and ends, with its child, at any other or when the daemon
// hangs up:
//      ├───────── Fill + [plan, fds…] ────────►│  the plan and its descriptors, as in Launch; its
//      │                                       │  `control` is none. All goes on as if this had
//      │                                       │  been the plan, with another Hello first
//
// Shims live for months: skerryd N speaks to shims N−1 and N−2, so message numbers are only added.
// An unknown message is answered by Unknown and ignored. Every packet is as long as ShimPacket and
// starts as it does; the type says which struct it is. Native byte order.
//
// Attach gives a SOCK_SEQPACKET socket on which the shim sends what the process writes from that
// moment on. One message is one frame: FrameHeader and `length` bytes. It is only read from; what
// the process is to read goes through OpenStdin. There is one: a second Attach ends the first.
// Attached says where in the log the stream begins, so that what is in the log before
// (logs::LogReader::Options::until) and the stream together have no gap and no repeat.
//
// The process never waits for a reader (plan::SlowReader::kMisses): frames that find the socket's
// buffer full are dropped, and a Missed frame in their place tells how many bytes. With
// kIsWaitedFor they wait, also while nobody is attached, and Attach without a stream says that
// nobody will be: output is no longer waited for, and such a shim can end. The socket closes when
// all output was sent.
#pragma once

#include <cstddef>
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
  kAttach = 13,
  kAttached = 14,
  kResize = 15,
  kGetDevpts = 16,
  kDevpts = 17,
  kRefused = 18,
  kFill = 19,
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
/// Joining the namespaces of `enter` or `join_pid_namespace`; ESRCH when that container has gone,
/// at whatever point.
constexpr std::int32_t kFailedEnter = -7;
constexpr std::int32_t kFailedTerminal = -8;  ///< making the terminal

struct ShimPacket {
  ShimMessage type{};
  std::uint32_t version = kShimProtocol;
  ShimState state{};          ///< kHello
  std::int32_t pid = 0;       ///< kHello: the container's first process in the host's pid namespace
  std::int32_t shim_pid = 0;  ///< kHello
  std::int32_t operation = 0;     ///< kFailed
  std::int32_t sys_errno = 0;     ///< kFailed, kRefused
  std::int32_t status = 0;        ///< kExited, kFailed(kFailedKilled): wait status as of waitpid(2)
  std::uint64_t time_ns = 0;      ///< kExited: CLOCK_REALTIME; kRunning: time of exec
  std::uint64_t log_dropped = 0;  ///< kLogComplete: bytes of output thrown away
  std::uint64_t start_ticks = 0;  ///< kHello: start time of the process, /proc/PID/stat field 22
};
static_assert(sizeof(ShimPacket) == 56);

/// Bits of AttachPacket::streams.
constexpr std::uint32_t kAttachStdout = 1;
constexpr std::uint32_t kAttachStderr = 2;

struct AttachPacket {
  ShimMessage type = ShimMessage::kAttach;
  std::uint32_t version = kShimProtocol;
  /// None detaches: whoever is attached is closed, and output is waited for no more.
  std::uint32_t streams = 0;
  std::uint32_t reserved[11] = {};
};
static_assert(sizeof(AttachPacket) == sizeof(ShimPacket));

struct AttachedPacket {
  ShimMessage type = ShimMessage::kAttached;
  std::uint32_t version = kShimProtocol;
  /// logs::LogPosition: everything before it is in the log, everything after comes by the socket.
  /// Zero without a log.
  std::uint64_t log_file_ns = 0;
  std::uint64_t log_offset = 0;
  std::uint32_t reserved[8] = {};
};
static_assert(sizeof(AttachedPacket) == sizeof(ShimPacket));

struct ResizePacket {
  ShimMessage type = ShimMessage::kResize;
  std::uint32_t version = kShimProtocol;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  std::uint32_t reserved[11] = {};
};
static_assert(sizeof(ResizePacket) == sizeof(ShimPacket));

enum class FrameType : std::uint32_t { kStdout = 1, kStderr = 2, kMissed = 3 };

/// Starts every message on an attached socket. A terminal's output is kStdout.
struct FrameHeader {
  FrameType type{};
  std::uint32_t length = 0;  ///< Bytes that follow; 0 in kMissed.
  std::uint64_t missed = 0;  ///< kMissed: bytes of both streams that were dropped at this place.
};
static_assert(sizeof(FrameHeader) == 16);
constexpr std::size_t kMaxFrameBytes = 16UL * 1024;

}  // namespace skerry::launcher
