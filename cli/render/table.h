// Columns of text under headers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::cli {

class Table final {
 public:
  explicit Table(std::vector<std::string> headers) : rows_{std::move(headers)} {}

  /// A row has as many cells as there are headers. Control characters are replaced.
  void add(std::vector<std::string> cells);

  /// Every column as wide as its widest cell, three spaces between, no space at the line's end.
  std::string str() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// At most `width` characters, the last one an ellipsis where something was cut.
std::string cut(std::string_view text, std::size_t width);

}  // namespace skerry::cli
