// Processes by identity. A bare pid may be somebody else by the time it is used; a pidfd never is.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::os {

/// One process, for good. `start_ticks` (field 22 of /proc/PID/stat, clock ticks since boot) with
/// the boot id names it in records, where a descriptor cannot be kept.
struct ProcessRef {
  pid_t pid = -1;
  UniqueFd pidfd;
  std::uint64_t start_ticks = 0;
};

/// How a process ended: an exit code, or the signal that killed it.
struct ExitStatus {
  int code = 0;    ///< 0–255; meaningless when signal is not 0.
  int signal = 0;  ///< 0 for an ordinary exit.
  bool core_dumped = false;
  bool operator==(const ExitStatus&) const = default;
};

/// Decodes a status of wait(2).
ExitStatus decode_wait_status(int status);

/// Errors: NOT_FOUND when there is no such process (a zombie counts as there).
/// Kernel: 5.3, pidfd_open(2); /proc.
Result<ProcessRef> open_process(pid_t pid);
/// The same, but only if it is the process that started at `start_ticks`, else NOT_FOUND.
Result<ProcessRef> open_process(pid_t pid, std::uint64_t start_ticks);

/// Errors: NOT_FOUND. Blocks: never.
Result<std::uint64_t> read_start_ticks(pid_t pid);

/// A process that is gone is fine. Errors: PERMISSION_DENIED. Idempotent.
/// Kernel: 5.1, pidfd_send_signal(2).
Result<> send_signal(int pidfd, int signal);

/// True until the process is a zombie or gone. Works for anybody's process. Blocks: never.
Result<bool> is_alive(int pidfd);

/// Waits until the process has ended, reaping nothing. Errors: DEADLINE_EXCEEDED. Blocks: up to the
/// deadline.
Result<> wait_for_end(int pidfd, std::chrono::milliseconds deadline);

/// Reaps a child. Absent while it runs. Blocks: never. Errors: FAILED_PRECONDITION when it is no
/// child of ours, or was reaped. Kernel: 5.4, waitid(2) P_PIDFD.
Result<std::optional<ExitStatus>> reap(int pidfd);
/// Blocks: until the child has ended.
Result<ExitStatus> wait_and_reap(int pidfd);

/// The exit status of a process reaped by somebody else; absent while it runs or is a zombie, and
/// where the kernel does not keep it. Blocks: never. Kernel: 6.15, PIDFD_INFO_EXIT.
Result<std::optional<ExitStatus>> exit_status_of_reaped(int pidfd);

}  // namespace skerry::os
