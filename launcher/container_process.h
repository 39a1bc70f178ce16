// Makes the container's first process: pipes, namespaces, cgroup, clone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "launcher/fd_table.h"
#include "plan/plan.h"

namespace skerry::launcher {

/// The shim's side of its child.
struct ContainerProcess {
  pid_t pid = -1;
  UniqueFd pidfd;
  UniqueFd sync;    ///< launcher/child.h; non-blocking
  UniqueFd input;   ///< write end of its stdin; none where that is /dev/null, or a terminal
  UniqueFd output;  ///< read end of its stdout, non-blocking; none with a terminal
  UniqueFd errors;  ///< read end of its stderr
};

/// The other ends: what become 0, 1 and 2 of the process. None of an end that is /dev/null, or a
/// terminal's.
struct ChildStdio {
  UniqueFd input;
  UniqueFd output;
  UniqueFd errors;
};

/// Makes the pipes the plan wants and gives `process` our ends. Errors: by errno. Blocks: never.
Result<ChildStdio> make_stdio(const plan::Shim& shim, ContainerProcess& process);

/// Whether the plan goes together. Errors: INVALID_ARGUMENT (EINVAL). Blocks: never.
Result<> check_plan(const plan::LaunchPlan& plan);

/// What failed and the errno value; `operation` as in ShimPacket.
struct CloneFailure {
  std::int32_t operation = 0;
  int sys_errno = 0;
};

struct ProcessContext {
  /// A procfs of the host's pid namespace for taking back our oom score, or -1.
  int proc = -1;
  /// Where the process title is, for a pod's init.
  std::span<char> title;
};

/// Clones the process; it runs the plan from here on by itself, with a copy of `fds`.
/// Blocks: kernel. Thread: shim.
std::expected<ContainerProcess, CloneFailure> start_container_process(
    const plan::LaunchPlan& plan, FdTable& fds, const ProcessContext& context);

}  // namespace skerry::launcher
