// Names in a directory.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "base/result.h"

namespace skerry::os {

/// All names but "." and "..", sorted. `dir` is borrowed, may be O_PATH, and its offset is not
/// used. Errors: by errno; RESOURCE_EXHAUSTED for more than `max`. Blocks: disk. Thread: any.
Result<std::vector<std::string>> list_directory(
    int dir, std::size_t max = std::numeric_limits<std::size_t>::max());

}  // namespace skerry::os
