// Pseudo file systems of a container, and what of them it must not see or change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "isolators/plan_builder.h"

namespace skerry::isolators {

enum class SharedMemory : std::uint8_t {
  kOwn,
  kOfThePod,  ///< /dev/shm is somebody else's to attach
};

/// proc, sysfs read-only, `dev` and what lies on it: pts, shm, mqueue.
void add_pseudo(PlanBuilder& plan, UniqueFd dev, SharedMemory shared_memory);

/// A read-only tmpfs with a directory for each of the v1 hierarchies shown to containers, and the
/// links of controllers that share one; none (an empty descriptor) for an empty list, on v2.
Result<UniqueFd> make_v1_cgroup_directory(const std::vector<std::string>& hierarchies);

/// /sys/fs/cgroup, read-only: cgroup2, or `directory` with the v1 hierarchies on it.
void add_cgroup_mounts(PlanBuilder& plan,
                       UniqueFd directory,
                       const std::vector<std::string>& hierarchies);

/// Masked and read-only paths of /proc and /sys, Docker's lists.
void add_masks(PlanBuilder& plan);

}  // namespace skerry::isolators
