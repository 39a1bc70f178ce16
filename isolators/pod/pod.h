// Isolator "pod": what a container gets from the pod it joins. Network, ipc and uts namespaces as
// the pod's spec shares them, its pid namespace, its /dev/shm and its files in /etc. Nothing for a
// pod of one, whose namespaces are the container's own.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "isolators/isolator.h"

namespace skerry::isolators {

/// Descriptors of what the pod shares; what it does not is empty.
struct PodNamespaces {
  UniqueFd net;  ///< as are the next two: a namespace, or a pidfd of a process in it
  UniqueFd ipc;
  UniqueFd uts;
  UniqueFd init;           ///< pidfd of its init, whose pid namespace is the pod's
  UniqueFd shared_memory;  ///< its /dev/shm, as a detached mount
};

/// What the isolator needs of the daemon.
class PodProvider {
 public:
  PodProvider() = default;
  PodProvider(const PodProvider&) = delete;
  PodProvider& operator=(const PodProvider&) = delete;
  virtual ~PodProvider() = default;

  /// Errors: FAILED_PRECONDITION, reason POD_STATE, when they are gone; the launcher's. Blocks:
  /// launcher, kernel. Thread: worker.
  virtual Result<PodNamespaces> open(const JoinedPod& pod) = 0;
};

/// `provider` outlives it.
std::unique_ptr<Isolator> make_pod_isolator(PodProvider& provider);

}  // namespace skerry::isolators
