// Standby processes: what of a launch does not depend on what is launched, done beforehand. The
// cgroup is there, the shim is forked, its child is cloned into its namespaces, confined, and waits
// for the plan (launcher/shim_protocol.h, Fill).
//
//   make_standby ─► (on the shelf) ─► fill_standby ─► a container like any other
//                         └──────────► end_standby
//
// The container that gets one gets its uid too, so nothing about a container says where it comes
// from. A standby process that nobody asks for dies with the daemon: its shim ends when the daemon
// hangs up, and its empty cgroup bears a uid that no container has, which the next start sweeps.
#pragma once

#include <sched.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/containers/container_files.h"
#include "agent/containers/host.h"
#include "agent/containers/shim_start.h"
#include "agent/operations/failpoint.h"
#include "agent/runtime/cancel_token.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "os/cgroup/cgroup.h"
#include "os/pidfd.h"

namespace skerry::agent {

/// Reason of the error of fill_standby().
constexpr std::string_view kStandbyGone = "STANDBY_GONE";

struct Standby {
  Uid uid;
  std::uint64_t namespaces = 0;  ///< CLONE_NEW* of its clone3()
  os::CgroupPath cgroup_path;
  std::unique_ptr<os::Cgroup> cgroup;
  UniqueFd control;
  UniqueFd shim_pidfd;
  pid_t shim_pid = -1;
  os::ProcessRef process;
  ContainerFiles files;
  isolators::ReadyMounts mounts;
};

/// What a standby process is made for.
struct StandbyWish {
  std::uint64_t namespaces = 0;
  /// The image that was launched last in such namespaces: its root is mounted too. Empty: none yet.
  std::vector<std::string> layers = {};
  bool durable = false;
};

/// Undoes its own partial work. Errors: as CgroupManager::create, LauncherClient::launch and
/// launch_failure; those of Isolator::make_ready. Blocks: kernel, up to the launcher's deadline.
/// Thread: worker.
Result<std::unique_ptr<Standby>> make_standby(Host& host,
                                              const operations::FailpointRegistry& failpoints,
                                              Uid uid,
                                              const StandbyWish& wish);
/// The places it may fail at. Thread: any.
void declare_standby_failpoints(operations::FailpointRegistry& failpoints);

/// Whether its shim still waits. Blocks: never. Thread: any.
bool is_waiting(const Standby& standby);

/// Kills it and removes its cgroup and directories. Errors: by errno; DEADLINE_EXCEEDED. Blocks:
/// kernel, up to ten seconds. Thread: worker. Idempotent.
Result<> end_standby(Host& host, Standby& standby);

/// What start_shim() is without one: gives it `start.built` and follows it until it stands where it
/// is meant to. `start.control` and the rest of what a shim is known by are the standby's. Errors:
/// as start_shim; UNAVAILABLE, reason STANDBY_GONE, with `start.built` as it was, when it had died
/// before. Blocks: up to the deadline. Thread: worker.
Result<> fill_standby(ShimStart& start, runtime::CancelToken& cancel);

}  // namespace skerry::agent
