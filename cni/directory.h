// Listing a directory of ours.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace skerry::cni {

/// The names in the directory, sorted, without those that begin with a dot. `dir` is borrowed and
/// its offset not used. Errors: RESOURCE_EXHAUSTED for more than `max`. Blocks: disk.
Result<std::vector<std::string>> list_names(int dir, std::size_t max);

}  // namespace skerry::cni
