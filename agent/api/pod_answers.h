// Pods as the API shows them: from their snapshot and that of the containers. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/containers/snapshot.h"
#include "agent/pods/board.h"
#include "skerry/v1/pod_service.pb.h"

namespace skerry::agent {

/// Containers by the uid of the pod they joined, in the order in which they did.
using PodMembers = std::map<std::string, std::vector<ViewPtr>>;
PodMembers members_by_pod(const Snapshot& snapshot);

enum class PodDetail : std::uint8_t {
  kList,  ///< without what is marked "Not in List"
  kFull,
};

void fill_pod(const PodView& view,
              const PodMembers& members,
              PodDetail detail,
              skerry::v1::Pod& out);

/// By tenant, states, labels and key.
bool matches(const skerry::v1::Pod& pod, const skerry::v1::ListPodsRequest& request);

}  // namespace skerry::agent
