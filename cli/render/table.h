// Columns of text under headers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/render/colour.h"

namespace skerry::cli {

/// One value, and how it stands out.
struct Cell {
  // Implicit: most cells are just text.
  Cell(std::string value, Colour shade = Colour::kNone)  // NOLINT(google-explicit-constructor)
      : text(std::move(value)), colour(shade) {}
  Cell(const char* value) : text(value) {}  // NOLINT(google-explicit-constructor)

  std::string text;
  Colour colour = Colour::kNone;
};

class Table final {
 public:
  explicit Table(std::vector<std::string> headers);

  /// A row has as many cells as there are headers. Control characters are replaced.
  void add(std::vector<Cell> cells);

  /// Every column as wide as its widest cell, three spaces between, no space at the line's end.
  std::string str(Palette palette = Palette::kPlain) const;

 private:
  std::vector<std::vector<Cell>> rows_;
};

/// At most `width` characters, the last one an ellipsis where something was cut.
std::string cut(std::string_view text, std::size_t width);

}  // namespace skerry::cli
