// Isolator "volumes": the mounts of kind volume. Which volume, whose and where it comes from is the
// provider's business; here they become mounts of the container, in the order of the spec together
// with its binds and tmpfs.
#pragma once

#include <memory>
#include <string>

#include "isolators/isolator.h"
#include "isolators/volumes/volume_provider.h"

namespace skerry::isolators {

/// Errors of validate and prepare: the provider's; FAILED_PRECONDITION, reason
/// MOUNT_TARGET_REFUSED, for a target that a link of the image leads to a refused place. `provider`
/// outlives it.
std::unique_ptr<Isolator> make_volumes_isolator(VolumeProvider& provider);

/// The name of the isolator: whose checkpoint says what a container holds.
constexpr std::string_view kVolumesIsolator = "volumes";

/// The lane of a driver's code (Isolator::foreign_code).
std::string volume_lane(const std::string& driver);

}  // namespace skerry::isolators
