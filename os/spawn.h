// Runs other programs under a leash: own process group, only the descriptors given, an optional
// cgroup, a deadline, output kept up to a cap, and at the end nothing of the group left running.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "os/cgroup/cgroup.h"
#include "os/pidfd.h"

namespace skerry::os {

struct Command {
  /// Absolute path; never searched in PATH. Empty runs `program_fd`.
  std::string program = {};
  int program_fd = -1;
  /// argv[0] included.
  std::vector<std::string> arguments = {};
  /// The whole environment, "NAME=value"; nothing is inherited.
  std::vector<std::string> environment = {};
  /// Absent keeps ours.
  std::optional<std::string> directory = {};
  /// Descriptors the program gets (borrowed): first its number there, then ours. 0, 1 and 2 not
  /// named here are /dev/null, or pipes of run(). All others are closed.
  std::vector<std::pair<int, int>> fds = {};
  /// The group it starts in, borrowed; null stays in ours.
  const CgroupJoin* cgroup = nullptr;
  /// SIGKILL to the program when the thread that started it ends.
  bool dies_with_parent = false;
};

/// Starts the program in a process group of its own, with default signal dispositions and an empty
/// signal mask. The child is ours to reap by its pidfd. Errors: what execve(2) said, by errno: a
/// program that could not be started is an error here, not an exit status. Thread: any.
/// Kernel: 5.3 clone3(2), with a cgroup descriptor 5.7.
Result<ProcessRef> spawn(const Command& command);

/// What is written to the program's standard input, how much is kept of its output.
struct RunOptions {
  std::string input = {};
  Bytes output_cap = Bytes{64UL * 1024};
};

struct Output {
  ExitStatus status;
  std::string out;
  std::string error_text;
  /// Something went beyond the cap and was dropped; the program did not notice.
  bool truncated = false;
};

/// Runs the program to its end, then kills what is left of its process group and, where it has a
/// cgroup, leaves that to the caller. An exit status other than zero is not an error. Output is
/// read until the program itself has ended; descendants that keep the pipes open hold nothing up.
/// A program that cannot die, stuck in the kernel, stays behind as an unreaped child of ours.
/// `fds` must not name 0, 1 or 2. Errors: DEADLINE_EXCEEDED after the group was killed, with the
/// end of its standard error in the message; spawn's.
/// Blocks: up to the deadline and two seconds more.
Result<Output> run(const Command& command,
                   std::chrono::milliseconds deadline,
                   const RunOptions& options = {});

}  // namespace skerry::os
