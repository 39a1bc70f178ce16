// Keeping descriptors out of processes that must not have them.
#pragma once

#include <vector>

namespace skerry::launcher {

/// Closes every descriptor but 0, 1, 2 and those given (negative ones are none). Blocks: never.
void close_all_but(std::vector<int> kept);

}  // namespace skerry::launcher
