// Colours, for whoever reads on a terminal and has not asked for none (NO_COLOR, no-color.org).
#pragma once

#include <string>
#include <string_view>

namespace skerry::cli {

enum class Colour { kNone, kGreen, kYellow, kRed, kDim };

/// Whether output has colours at all.
enum class Palette { kPlain, kColoured };

/// What fits the descriptor: colours for a terminal that can show them, unless NO_COLOR is set.
Palette palette_of(int fd);

/// The text between its escape sequences; as it is without a palette or colour.
std::string paint(std::string_view text, Colour colour, Palette palette);

}  // namespace skerry::cli
