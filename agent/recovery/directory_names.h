// The entries of a directory of ours, by name.
#pragma once

#include <string>
#include <vector>

namespace skerry::agent {

/// All names in the directory but "." and "..", sorted. What cannot be read is left out.
/// Blocks: kernel. Thread: any.
std::vector<std::string> directory_names(int dir);

}  // namespace skerry::agent
