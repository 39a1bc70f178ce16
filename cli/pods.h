// Finding the pod that a person means.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/client.h"
#include "skerry/v1/pod.pb.h"

namespace skerry::cli {

/// The tenant's pod with that id or name, else the one whose uid begins with `typed`: one call of
/// List. Errors: NOT_FOUND (reason POD_NOT_FOUND); INVALID_ARGUMENT (reason AMBIGUOUS) when several
/// fit.
Result<v1::Pod> resolve_pod(const Client& client,
                            const std::string& tenant,
                            const std::string& typed);

/// By its uid.
v1::PodRef ref_of(const v1::Pod& pod);

/// Its name, or else its id.
const std::string& display_name(const v1::Pod& pod);

}  // namespace skerry::cli
