// Names inside an archive: hostile text turned into a directory and a last component.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skerry::unpack {

/// A cleaned name. `parent` has no leading or trailing slash, no "." and no ".."; it is empty for
/// the root. `name` is one component, or empty when the entry is the root itself.
struct EntryName {
  std::string parent;
  std::string name;

  bool is_root() const { return name.empty(); }
  /// Both, joined; empty for the root.
  std::string path() const;
  bool operator==(const EntryName&) const = default;
};

/// Leading slashes make a name relative, empty and "." components go. Links in the parent are not
/// looked at here: tree_writer.h resolves them inside the root.
/// Errors: INVALID_ARGUMENT: reason ENTRY_ESCAPES for a ".." component, ENTRY_NAME_INVALID for a
/// component over 255 bytes or a path over 4,095.
Result<EntryName> parse_entry_name(std::string_view raw);

/// For messages and results: at most 256 bytes, control characters replaced by "?".
std::string printable_name(std::string_view raw);

}  // namespace skerry::unpack
