#include "cli/render/table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "cli/render/human.h"

namespace skerry::cli {
namespace {

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Characters, not bytes, of UTF-8 text.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !continues_character(c); }));
}

}  // namespace

Table::Table(std::vector<std::string> headers) {
  rows_.emplace_back(headers.begin(), headers.end());
}

void Table::add(std::vector<Cell> cells) {
  CHECK(cells.size() == rows_.front().size());
  for (Cell& cell : cells) cell.text = printable(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::str(Palette palette) const {
  constexpr std::size_t kGap = 3;
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i].text));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += paint(row[i].text, row[i].colour, palette);
      out.append(widths[i] - width_of(row[i].text) + kGap, ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

std::string cut(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string(text);
  std::size_t end = 0;
  for (std::size_t taken = 0; end < text.size(); ++end) {
    if (!continues_character(text[end]) && ++taken == width) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace skerry::cli
