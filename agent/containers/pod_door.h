// What containers need of the pods they join. Implemented by PodManager, which needs containers
// more than they need it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <google/protobuf/repeated_ptr_field.h>

#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"
#include "isolators/container_config.h"
#include "os/cgroup/cgroup.h"
#include "skerry/v1/network.pb.h"
#include "skerry/v1/pod_spec.pb.h"

namespace skerry::agent {

/// A container's place in a pod.
struct PodSeat {
  isolators::JoinedPod joined;
  std::string id;
  std::string name;  ///< or its id
  os::CgroupPath cgroup;
  std::string hostname;
  std::string log_directory;  ///< empty: none
  std::optional<MilliCpu> cpu_limit;
  google::protobuf::RepeatedPtrField<skerry::v1::AttachedNetwork> networks;
  google::protobuf::RepeatedPtrField<skerry::v1::PublishedPort> ports;
};

/// Thread: reactor. Blocks: never.
class PodDoor {
 public:
  PodDoor() = default;
  PodDoor(const PodDoor&) = delete;
  PodDoor& operator=(const PodDoor&) = delete;
  virtual ~PodDoor() = default;

  /// Errors: NOT_FOUND, reasons POD_NOT_FOUND and REMOVED; FAILED_PRECONDITION, reason POD_STATE,
  /// unless it is ready.
  virtual Result<PodSeat> join(const std::string& tenant, const skerry::v1::PodRef& ref) = 0;
  /// The seat of who has one, whatever the pod's state. Absent: there is no such pod.
  virtual std::optional<PodSeat> seat(const Uid& uid) const = 0;
  /// A pod of that uid holds its cgroup and networks, or is about to.
  virtual bool holds(const Uid& uid) const = 0;
  /// The cgroups of those, in which containers live.
  virtual std::vector<os::CgroupPath> cgroups() const = 0;
};

}  // namespace skerry::agent
