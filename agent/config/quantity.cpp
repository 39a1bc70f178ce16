#include "agent/config/quantity.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <ranges>
#include <span>

#include <fmt/format.h>

namespace skerry::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Ascending; the first is what a quantity is counted in.
constexpr std::array<Unit, 5> kByteUnits = {{{"", 1},
                                             {"KiB", 1ULL << 10U},
                                             {"MiB", 1ULL << 20U},
                                             {"GiB", 1ULL << 30U},
                                             {"TiB", 1ULL << 40U}}};
constexpr std::array<Unit, 4> kTimeUnits = {{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};

Result<std::uint64_t> parse(std::string_view text, std::span<const Unit> units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (error != std::errc() || name != unit.name) continue;
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    if (number > kMost / unit.factor) break;
    return number * unit.factor;
  }
  std::string names;
  for (const Unit& unit : units) {
    if (!unit.name.empty()) names += fmt::format("{}{}", names.empty() ? "" : ", ", unit.name);
  }
  return Error(Code::kInvalidArgument,
               fmt::format("\"{}\" is not a whole number with one of the units {}", text, names));
}

std::string format(std::uint64_t number, std::span<const Unit> units) {
  for (const Unit& unit : std::views::reverse(units)) {
    if (number != 0 && number % unit.factor == 0) {
      return fmt::format("{}{}", number / unit.factor, unit.name);
    }
  }
  return fmt::format("{}{}", number, units.front().name);
}

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) {
  TRY_ASSIGN(const std::uint64_t number, parse(text, kByteUnits));
  return Bytes(number);
}

std::string format_bytes(Bytes bytes) { return format(bytes.value(), kByteUnits); }

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  TRY_ASSIGN(const std::uint64_t number, parse(text, kTimeUnits));
  return std::chrono::seconds(static_cast<std::int64_t>(number));
}

std::string format_duration(std::chrono::seconds duration) {
  return format(static_cast<std::uint64_t>(duration.count()), kTimeUnits);
}

}  // namespace skerry::config
