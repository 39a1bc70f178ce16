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
//      │                                          │ anew
//      ├── anything else ────────────────────────►│
//      │◄── Unknown{request} ─────────────────────┤
//
// The namespaces of pods (sandboxes) are made by a child of the launcher and kept by the holder,
// which answers by itself (holder_protocol.h):
//
//      ├── MakeSandbox{request} + [plan] ────────►│ a child makes the namespaces and runs the plan
//      │◄── Sandbox{request, uid, numbers} + [fds]┤ what exists, if that uid is known already
//      ├── GetSandbox{request, uid} ─────────────►│
//      │◄── Sandbox{…} + [fds] ───────────────────┤ SandboxRefused{ENOENT} for one that is unknown
//      ├── DropSandbox{request, uid} ────────────►│ idempotent; who is inside stays inside
//      │◄── SandboxDropped{request, uid} ─────────┤
//      ├── ListSandboxes{request} ───────────────►│
//      │◄── Sandboxes{request, count} + [memfd] ──┤ an array of SandboxPackets of type Sandbox
//      │◄── SandboxRefused{request, uid, errno} ──┤ instead of any of these
//
// Errors of SandboxRefused: the errno of the operation that failed (its index in `operation`, -1
// for none of the plan's); EINVAL for a plan that does not decode or has other operations or
// namespaces than a sandbox may; ENOSPC when kMaxSandboxes are kept; EOPNOTSUPP from a holder that
// is too old to keep any. Answers of several requests may come in any order.
//
// One message, one datagram; every struct is fixed-size, native byte order, both ends on one host.
// Size and type say which struct it is. The plan is the first descriptor (sealed memfd,
// plan/codec.h); FdIndex 0 is the one after it. More than 252 descriptors do not fit and are
// refused before anything is sent. Closing the connection cancels nothing. The launcher keeps no
// state: a killed one is respawned by the holder, and sandboxes stay.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace skerry::launcher {

/// Fields and numbers are only added. A launcher of another build is replaced before it is asked
/// for anything, so only Hello and Replace ever cross versions.
constexpr std::uint32_t kLauncherProtocol = 1;
constexpr std::size_t kMaxPlanFds = 252;
/// Pods on one host at a time.
constexpr std::size_t kMaxSandboxes = 4096;

enum class LauncherMessage : std::uint32_t {
  kHello = 1,
  kLaunch = 2,
  kLaunched = 3,
  kRefused = 4,
  kReplace = 5,
  kMakeSandbox = 6,
  kGetSandbox = 7,
  kDropSandbox = 8,
  kListSandboxes = 9,
  kSandbox = 10,
  kSandboxDropped = 11,
  kSandboxes = 12,
  kSandboxRefused = 13,
  kUnknown = 14,
  kKeepSandbox = 15,  ///< To the holder only.
};

/// Hello to Replace, and Unknown; unused fields are zero.
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

/// Positions in SandboxPacket::numbers, and the order of the descriptors that come with it; those
/// of kinds the sandbox does not have are left out there.
enum SandboxKind : std::uint8_t { kNetNamespace, kIpcNamespace, kUtsNamespace, kSandboxKinds };

/// A pod's uid as the bytes its 32 hex digits stand for.
using SandboxUid = std::array<std::uint8_t, 16>;

/// Everything about sandboxes, in both directions; unused fields are zero.
struct SandboxPacket {
  LauncherMessage type{};
  std::uint32_t version = kLauncherProtocol;
  std::uint64_t request = 0;
  SandboxUid uid{};  ///< Not in kMakeSandbox, where the plan has it.
  /// kSandbox: the holder's descriptor of each kind, -1 where there is none: plugins are given
  /// "/proc/<holder>/fd/<number>".
  std::array<std::int32_t, kSandboxKinds> numbers = {-1, -1, -1};
  std::int32_t sys_errno = 0;   ///< kSandboxRefused
  std::int32_t operation = -1;  ///< kSandboxRefused: index into SandboxPlan::operations
  std::uint32_t count = 0;      ///< kSandboxes
};
static_assert(sizeof(SandboxPacket) == 56);

}  // namespace skerry::launcher
