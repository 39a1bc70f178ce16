#include "cli/render/colour.h"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

namespace skerry::cli {
namespace {

bool says_something(const char* variable) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr && *value != '\0';
}

std::string_view sequence(Colour colour) {
  switch (colour) {
    case Colour::kGreen:
      return "32";
    case Colour::kYellow:
      return "33";
    case Colour::kRed:
      return "31";
    case Colour::kDim:
      return "2";
    case Colour::kNone:
      break;
  }
  return "";
}

}  // namespace

Palette palette_of(int fd) {
  if (::isatty(fd) != 1 || says_something("NO_COLOR")) return Palette::kPlain;
  const char* terminal = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  return dumb ? Palette::kPlain : Palette::kColoured;
}

std::string paint(std::string_view text, Colour colour, Palette palette) {
  if (palette == Palette::kPlain || colour == Colour::kNone) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", sequence(colour), text);
}

}  // namespace skerry::cli
