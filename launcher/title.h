// What ps(1) shows of our processes.
#pragma once

#include <span>
#include <string>

namespace skerry::launcher {

/// Names the calling process `name` and, as far as it fits into `area` (the argv strings; may be
/// empty), "NAME UID".
void set_title(std::span<char> area, const std::string& name, const std::string& uid);

}  // namespace skerry::launcher
