// Isolator "capabilities": the capability sets of the container's process, and no_new_privs.
#pragma once

#include <memory>

#include "isolators/isolator.h"

namespace skerry::isolators {

/// `last_capability`: the highest number the kernel has. Errors of validate: bounding_set's.
std::unique_ptr<Isolator> make_capabilities_isolator(int last_capability);

}  // namespace skerry::isolators
