// What VolumeService answers: from the book and the snapshot of the containers.
#pragma once

#include <string>
#include <vector>

#include "agent/containers/snapshot.h"
#include "agent/volumes/volume_desk.h"
#include "base/result.h"
#include "skerry/v1/volume_service.pb.h"

namespace skerry::agent {

/// Empty is "default".
VolumeId volume_id_of(const skerry::v1::VolumeRef& ref);

/// Errors: INVALID_ARGUMENT for labels.
Result<VolumeWish> volume_wish_of(const skerry::v1::CreateVolumeRequest& request);

/// One volume with who uses it. Blocks: never. Thread: any.
skerry::v1::Volume describe_volume(const VolumeEntry& entry, const Snapshot& snapshot);

/// Those the daemon knows which the request asks for, without who uses them, sorted by name.
/// Errors: INVALID_ARGUMENT. Blocks: never. Thread: any.
Result<std::vector<skerry::v1::Volume>> list_volumes(const VolumeDesk& desk,
                                                     const Snapshot& snapshot,
                                                     const skerry::v1::ListVolumesRequest& request);

/// Adds what drivers told of and the daemon does not know, as far as it is asked for.
void add_found(const VolumeDesk::Found& found,
               const VolumeDesk& desk,
               const skerry::v1::ListVolumesRequest& request,
               std::vector<skerry::v1::Volume>& volumes);

/// Blocks: kernel, where plugins' sockets are. Thread: worker.
std::vector<skerry::v1::VolumeDriver> list_drivers(const VolumeDesk& desk);

}  // namespace skerry::agent
