// The container's first process, or that of an exec, from clone3() to exec, and what it says to its
// shim on the way.
//
// From its birth it may share a pid namespace with processes of the container, so it is confined
// before it is anything else: not dumpable, which keeps ptrace and its files in /proc from all who
// lack CAP_SYS_PTRACE, and without descriptors of the host but those it still needs
// (CVE-2016-9962, CVE-2019-5736, CVE-2024-21626).
//
//   child                                   shim
//     │  joins cgroups, runs operations      │
//     ├── Devpts + [O_PATH] ────────────────►│   when the plan mounts one, right before EnterRoot
//     ├── Terminal + [master, slave] ───────►│   when there is to be one
//     ├── Ready ────────────────────────────►│
//     │◄─────────────────────── one byte: go ┤   after Start; only where the plan says hold
//     │  exec: the socket closes ───────────►│   running
//     ├── Failed{operation, errno} ─────────►│   at any point, and the child ends
//
// A standby process has no plan yet when it is confined:
//     │◄─── Fill{streams} + [plan, stdio, …] ┤   the plan and what it names; goes on as above
#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <span>

#include "base/unique_fd.h"
#include "launcher/fd_table.h"
#include "plan/plan.h"

namespace skerry::launcher {

enum class SyncKind : std::uint32_t {
  kReady = 1,
  kFailed = 2,
  kDevpts = 3,
  kTerminal = 4,
  kFill = 5,  ///< Shim to child; `operation` has a bit for each of 0, 1 and 2 that comes with it.
};

/// One message each over a SOCK_SEQPACKET pair that closes on exec.
struct SyncPacket {
  SyncKind kind{};
  std::int32_t operation = 0;  ///< As in ShimPacket.
  std::int32_t sys_errno = 0;
};

struct ChildArguments {
  const plan::LaunchPlan& plan;
  /// Emptied on the way.
  FdTable& fds;
  /// The child's end; the shim's must be closed in the child, as its end tells of the shim's death.
  int sync = -1;
  /// Become 0, 1 and 2. One that is -1 leaves /dev/null there.
  std::array<int, 3> stdio = {-1, -1, -1};
  /// A procfs of the host's pid namespace, where the oom score is taken back; -1 when it is zero.
  int proc = -1;
  /// Where the process title is, for a pod's init; may be empty.
  std::span<char> title = {};
};

/// Signals that launcher and shim ignore, and the program must not.
inline constexpr std::array kIgnoredSignals = {
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2};

/// Runs in the cloned process, which has one thread and a copy of the shim's memory.
[[noreturn]] void run_child(const ChildArguments& arguments);

}  // namespace skerry::launcher
