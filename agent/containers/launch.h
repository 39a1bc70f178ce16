// The launch of one container as an operation: from a checked config to a process at its barrier,
// or running. Runs on one worker from first to last step; the reactor takes the outcome over.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/containers/host.h"
#include "agent/containers/shim_start.h"
#include "agent/containers/standby_shelf.h"
#include "agent/operations/failpoint.h"
#include "agent/operations/step.h"
#include "isolators/container_config.h"
#include "isolators/isolator.h"
#include "logs/exit_record.h"
#include "os/pidfd.h"

namespace skerry::agent {

struct LogSettings {
  std::string directory;  ///< absolute host path; empty: ROOT/containers/<uid>/log
  std::string name = "output.log";
  std::uint64_t max_bytes = 10ULL << 20U;
  std::uint32_t max_files = 5;
  plan::LogOverflow overflow = plan::LogOverflow::kBlock;
};

/// Values in, values out: filled by the reactor, worked on by one worker, read by the reactor.
struct LaunchJob : ShimStart {
  // In.
  isolators::ContainerConfig config;
  LogSettings log;
  os::CgroupPath cgroup_path;
  std::uint32_t attempt = 1;
  /// The launch record: what adopts the container when state.db is lost.
  std::string record;
  bool open_stdin = false;
  plan::Terminal terminal;
  /// The process that waits for this launch; null: there is none, and one is made.
  StandbyPtr standby;

  // Out.
  std::unique_ptr<os::Cgroup> cgroup;
  std::vector<isolators::Checkpoint> checkpoints;
  /// Cgroup and shim were `standby`'s.
  bool from_standby = false;

  // Between steps.
  isolators::ReadyMounts ready;  ///< of the standby process
  isolators::PlanBuilder builder;
};

/// Debts of undos here: kind "cgroup" (key: path), "run" (key: uid, of the run directory) and
/// "isolator" (key: uid/isolator).
constexpr std::string_view kDebtCgroup = "cgroup";
constexpr std::string_view kDebtRun = "run";
constexpr std::string_view kDebtIsolator = "isolator";

/// Makes the steps known as places to fail at. Thread: any.
void declare_launch_steps(operations::FailpointRegistry& failpoints,
                          const isolators::IsolatorChain& isolators);

/// The steps over `job`; `host` outlives them.
std::vector<operations::Step> launch_steps(const std::shared_ptr<LaunchJob>& job, Host& host);

/// Whose foreign code runs (Isolator::foreign_code) when these checkpoints are cleaned up.
/// Isolators without one are asked by the config, which may be null.
std::vector<std::string> lanes_of(const isolators::IsolatorChain& isolators,
                                  std::span<const isolators::Checkpoint> checkpoints,
                                  const isolators::ContainerConfig* config);

/// What cleanup() of that checkpoint owes when it fails.
operations::Debt isolator_debt(const Uid& uid,
                               const isolators::Checkpoint& checkpoint,
                               const std::string& why = {});

/// Record of an isolator debt, and back. Errors: DATA_LOSS.
std::string encode_isolator_debt(const Uid& uid, const isolators::Checkpoint& checkpoint);
Result<std::pair<Uid, isolators::Checkpoint>> decode_isolator_debt(std::string_view record);

/// Where a new process of the group goes, into the plan. Errors: as os::Cgroup::join. Thread:
/// worker.
Result<> add_join(isolators::PlanBuilder& builder, const os::Cgroup& cgroup);

/// Kills everything in the group and waits until it is empty. Idempotent; a group that is gone is
/// empty. Blocks: up to the deadline. Thread: worker.
Result<> kill_and_wait(os::CgroupManager& cgroups,
                       const os::CgroupPath& path,
                       std::chrono::milliseconds deadline);

/// What a container's shim wrote at its exit; absent when it has not (or the file is gone). Thread:
/// any.
Result<std::optional<logs::ExitRecord>> read_recorded_exit(const Directories& directories,
                                                           const Uid& uid);

/// Whether that is how this attempt ended, and not one before it.
bool is_of_attempt(const std::optional<logs::ExitRecord>& record, std::uint32_t attempt);

}  // namespace skerry::agent
