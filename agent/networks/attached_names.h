// Who has entries in the result cache, by their names alone: NETWORK-UID-INTERFACE.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace skerry::agent {

struct AttachedName {
  std::string network;
  Uid uid;
  std::string interface;
  bool operator==(const AttachedName&) const = default;
};

/// Absent for a name that has no uid of ours in it. Networks and interfaces may have "-" in theirs:
/// the uid's 32 digits are what is looked for, from the end.
std::optional<AttachedName> parse_attached_name(std::string_view name);

/// Of the directory, borrowed. Errors: as reading a directory. Blocks: disk.
Result<std::vector<AttachedName>> list_attached(int cache_dir);

}  // namespace skerry::agent
