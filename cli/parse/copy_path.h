// SRC and DST of cp.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skerry::cli {

/// One side of a copy.
struct CopyPath {
  /// Empty: it is a path of the host, or "-" for a tar stream.
  std::string container;
  std::string path;

  bool is_stream() const { return container.empty() && path == "-"; }
};

/// "CONTAINER:PATH", PATH taken from "/" if it is relative; else a path of the host, which may hold
/// a colon only after a "/" ("./a:b"). Errors: INVALID_ARGUMENT for an empty path.
Result<CopyPath> parse_copy_path(std::string_view text);

/// The last component and what stands before it. "/a/b/" is "/a" and "b"; "/" is "/" and "/".
struct SplitPath {
  std::string directory;
  std::string name;
  /// It ends in "/" or "/.": it has to be a directory.
  bool is_directory = false;
  /// It ends in "/.": what is in it is meant, not it.
  bool contents = false;
};
SplitPath split_path(std::string_view path);

}  // namespace skerry::cli
