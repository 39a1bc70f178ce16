// Bytes that a container chose, as text.
#pragma once

#include <string>
#include <string_view>

namespace skerry::agent {

/// What people and protobuf get of `bytes`: UTF-8 without control characters, at most 4096 bytes.
/// Zero bytes at the end are left out, others become `for_zero`; every other byte that does not fit
/// becomes '?'.
std::string printable(std::string_view bytes, char for_zero);

}  // namespace skerry::agent
