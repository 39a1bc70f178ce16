// Which containers name a volume: pure.
#pragma once

#include <string>
#include <vector>

#include "agent/containers/snapshot.h"
#include "agent/volumes/volume_book.h"
#include "skerry/v1/volume_service.pb.h"

namespace skerry::agent {

/// The mounts of containers that name the volume, in the order in which these were accepted. A
/// container that is not running uses its volumes too: it may be started again, and must not find
/// them empty.
std::vector<skerry::v1::VolumeUse> users_of(const VolumeId& id, const Snapshot& snapshot);

/// Errors: FAILED_PRECONDITION, reason VOLUME_IN_USE, naming up to five containers; or saying what
/// else is in the way.
Result<> check_unused(const VolumeId& id,
                      const Snapshot& snapshot,
                      const std::optional<volumes::VolumeReferences>& references);

}  // namespace skerry::agent
