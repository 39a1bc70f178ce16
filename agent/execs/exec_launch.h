// The start of one exec as an operation: from a checked config to a running command in a container
// that runs. On one worker from first to last step; the reactor takes the outcome over.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/containers/host.h"
#include "agent/containers/shim_start.h"
#include "agent/operations/failpoint.h"
#include "agent/operations/step.h"
#include "base/ids.h"
#include "isolators/container_config.h"
#include "isolators/plan_builder.h"
#include "logs/exit_record.h"

namespace skerry::agent {

/// Values in, values out: filled by the reactor, worked on by one worker, read by the reactor.
struct ExecJob : ShimStart {
  // In.
  Uid uid;
  /// Of the container, with what the exec says.
  isolators::ContainerConfig config;
  os::CgroupPath container_cgroup;
  /// The container's first process; the descriptor is a copy.
  pid_t container_pid = -1;
  UniqueFd container_process;
  plan::Terminal terminal;
  /// The container's devpts where a terminal is wanted.
  UniqueFd devpts;
  bool open_stdin = false;
  plan::SlowReader slow_reader = plan::SlowReader::kIsWaitedFor;
  /// The bytes of its record.
  std::string record;

  // Out.
  std::unique_ptr<os::Cgroup> cgroup;

  // Between steps.
  isolators::PlanBuilder builder;
};

/// Debt of a run directory that could not be removed; key: the exec's uid.
constexpr std::string_view kDebtExecRun = "exec-run";

/// The group of an exec in its container.
os::CgroupPath exec_cgroup_path(const os::CgroupPath& container, const Uid& exec);

/// Makes the steps known as places to fail at. Thread: any.
void declare_exec_steps(operations::FailpointRegistry& failpoints);

/// The steps over `job`; `host` outlives them.
std::vector<operations::Step> exec_steps(const std::shared_ptr<ExecJob>& job, Host& host);

/// The root directory of a process as it sees it, checked to be of that very process.
/// Errors: FAILED_PRECONDITION, reason STATE, when it has ended. Thread: any.
Result<UniqueFd> open_process_root(pid_t pid, int pidfd);

/// Replaces the record in the run directory, whole. Blocks: kernel (tmpfs). Thread: any.
Result<> write_exec_record(const Directories& directories, const Uid& uid, std::string_view bytes);

/// What an exec's shim wrote at its exit; absent when it has not. Thread: any.
Result<std::optional<logs::ExitRecord>> read_exec_exit(const Directories& directories,
                                                       const Uid& uid);

/// Removes RUN/execs/<name>, and ends a shim that still listens there: without its socket nobody
/// could take the output it waits with any more. Idempotent. Blocks: kernel. Thread: worker, or
/// recovery.
Result<> remove_exec_directory(const Directories& directories, const std::string& name);

}  // namespace skerry::agent
