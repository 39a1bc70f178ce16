// What a pod is made of, as operations: its creation from a checked spec to namespaces containers
// can join, its end, its removal. Each runs on one worker from first to last step; the reactor
// takes the outcome over.
//
//   pod.directories   ROOT/pods/<uid>, RUN/pods/<uid>, the record that adopts it
//   pod.cgroup        PARENT/<uid> with the pod's limits; its containers' groups come below
//   pod.network       the sandbox: net, ipc, uts, with its sysctls; on its networks
//   pod.etc           hosts, hostname, resolv.conf for all its containers
//   pod.init          for a shared pid namespace or /dev/shm: the process that keeps them
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/containers/host.h"
#include "agent/containers/shim_start.h"
#include "agent/operations/failpoint.h"
#include "agent/operations/paying_step.h"
#include "agent/operations/step.h"
#include "agent/pods/pod_spec.h"
#include "isolators/network/network_attacher.h"
#include "logs/exit_record.h"

namespace skerry::agent {

/// Values in, values out: filled by the reactor, worked on by one worker, read by the reactor.
struct PodJob : ShimStart {
  // In.
  Uid uid;
  CheckedPod spec;
  std::string hostname;
  os::CgroupPath cgroup_path;
  std::string scratch;  ///< ROOT/pods/<uid>
  std::string record;

  // Out.
  std::shared_ptr<os::Cgroup> cgroup;
  isolators::AttachedSandbox sandbox;

  // Between steps.
  isolators::PlanBuilder builder;
};

/// What the end of a pod has to give back.
struct PodEndJob {
  Uid uid;
  os::CgroupPath cgroup_path;
  /// encode_network_record(); empty: whatever bears the uid.
  std::string network;
  std::shared_ptr<operations::Owed> owed = std::make_shared<operations::Owed>();
};

/// Debts here: kinds "cgroup" and "isolator", as of containers, and "pod-run" (key: uid, of the run
/// directory).
constexpr std::string_view kDebtPodRun = "pod-run";

/// Makes the steps known as places to fail at. Thread: any.
void declare_pod_steps(operations::FailpointRegistry& failpoints);

/// The steps over `job`; `host` outlives them.
std::vector<operations::Step> pod_steps(const std::shared_ptr<PodJob>& job, Host& host);
std::vector<operations::Step> pod_end_steps(const std::shared_ptr<PodEndJob>& job, Host& host);

/// Applies a pod's limits to its group; those of `before` again when one is refused. Errors: the
/// isolators'. Blocks: kernel. Thread: worker.
Result<> apply_pod_limits(const isolators::IsolatorChain& isolators,
                          const isolators::Resources& wanted,
                          const isolators::Resources* before,
                          os::Cgroup& group);

/// Writes RUN/pods/<uid>/record. Blocks: kernel.
Result<> write_pod_record(const Directories& directories, const Uid& uid, std::string_view bytes);

/// Where the init of a pod lives.
os::CgroupPath init_cgroup(const os::CgroupPath& pod);

/// The lanes of the networks' plugins (Operation::lanes).
std::vector<std::string> pod_lanes(const CheckedPod& spec);

}  // namespace skerry::agent
