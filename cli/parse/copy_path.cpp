#include "cli/parse/copy_path.h"

#include <fmt/format.h>

namespace skerry::cli {

Result<CopyPath> parse_copy_path(std::string_view text) {
  CopyPath result;
  const auto colon = text.find(':');
  const bool local = colon == std::string_view::npos || text.find('/') < colon ||
                     text.starts_with('.') || colon == 0;
  if (local) {
    result.path = text;
  } else {
    result.container = text.substr(0, colon);
    const std::string_view path = text.substr(colon + 1);
    if (path.empty()) {
      return Error(Code::kInvalidArgument, fmt::format("\"{}\" names no path", text));
    }
    result.path = (path.starts_with('/') ? "" : "/") + std::string(path);
  }
  if (result.path.empty()) return Error(Code::kInvalidArgument, "a path is empty");
  return result;
}

SplitPath split_path(std::string_view path) {
  SplitPath result;
  const auto strip = [&path] {
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  };
  result.is_directory = path.ends_with('/');
  strip();
  while (path.ends_with("/.") || path == ".") {
    result.is_directory = true;
    result.contents = true;
    if (path == ".") break;
    path.remove_suffix(1);
    strip();
  }
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    result.directory = ".";
    result.name = path;
  } else {
    result.directory = slash == 0 ? "/" : path.substr(0, slash);
    result.name = path.size() == 1 ? "/" : path.substr(slash + 1);
  }
  return result;
}

}  // namespace skerry::cli
