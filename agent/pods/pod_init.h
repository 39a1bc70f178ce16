// The init of a pod: the process that keeps what the kernel keeps for processes only, a shared pid
// namespace and the mount that is everybody's /dev/shm.
#pragma once

#include <chrono>

#include "agent/containers/host.h"
#include "agent/pods/pod_launch.h"
#include "isolators/pod/pod.h"

namespace skerry::agent {

/// Starts it in POD/init, on the pod's namespaces: there is nothing of the host's to be had through
/// it. Nothing to do for a pod that needs none. After an error end_pod_init() is called. Errors:
/// as start_shim. Blocks: launcher, kernel. Thread: worker.
Result<> start_pod_init(PodJob& job, Host& host, runtime::CancelToken& cancel);

/// Kills it with its shim. Idempotent; takes half of the work back, too.
Result<> end_pod_init(PodJob& job, os::CgroupManager& cgroups);

/// Opens what a pod shares for a container that joins it. Thread: worker.
class PodNamespaceOpener final : public isolators::PodProvider {
 public:
  explicit PodNamespaceOpener(Host& host) : host_(host) {}
  Result<isolators::PodNamespaces> open(const isolators::JoinedPod& pod) override;

 private:
  Result<> open_sandbox(const isolators::JoinedPod& pod, isolators::PodNamespaces& out);
  Host& host_;
};

}  // namespace skerry::agent
