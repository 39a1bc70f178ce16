#include "cli/parse/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include <fmt/format.h>

namespace skerry::cli {
namespace {

Error bad(std::string_view what, std::string_view text, std::string_view example) {
  return Error(Code::kInvalidArgument,
               fmt::format("\"{}\" is not {} (such as {})", text, what, example));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes a plain decimal number ("1", "1.5", not "1e3", "inf" or "-1") off the front of `text`.
std::optional<long double> take_decimal(std::string_view& text) {
  std::size_t length = 0;
  std::size_t dots = 0;
  while (length < text.size() && (is_digit(text[length]) || text[length] == '.')) {
    if (text[length] == '.') ++dots;
    ++length;
  }
  if (length == dots || dots > 1) return std::nullopt;
  long double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + length, value);
  if (error != std::errc{} || end != text.data() + length) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

/// The factor of a unit of bytes, lower case: "", "b", "k", "kb", "kib" …
std::optional<long double> byte_unit(std::string_view unit) {
  constexpr std::string_view kPrefixes = "kmgt";
  if (unit.empty() || unit == "b") return 1;
  const auto power = kPrefixes.find(unit.front());
  if (power == std::string_view::npos) return std::nullopt;
  const std::string_view rest = unit.substr(1);
  if (!rest.empty() && rest != "b" && rest != "ib") return std::nullopt;
  return std::pow(1024.0L, static_cast<long double>(power + 1));
}

std::optional<long double> take_time_unit(std::string_view& text) {
  struct Unit {
    std::string_view name;
    long double nanoseconds;
  };
  // "ms" before "m": the longer name first.
  constexpr std::array kUnits = {Unit{"ns", 1},
                                 Unit{"us", 1e3L},
                                 Unit{"ms", 1e6L},
                                 Unit{"s", 1e9L},
                                 Unit{"m", 60e9L},
                                 Unit{"h", 3600e9L},
                                 Unit{"d", 86400e9L}};
  for (const Unit& unit : kUnits) {
    if (text.starts_with(unit.name)) {
      text.remove_prefix(unit.name.size());
      return unit.nanoseconds;
    }
  }
  return std::nullopt;
}

/// Two-or-more-digit fields of RFC 3339 at fixed places.
std::optional<int> digits_at(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  if (at + count > text.size()) return std::nullopt;
  for (const char c : text.substr(at, count)) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<std::chrono::nanoseconds> zone_offset(std::string_view zone) {
  if (zone == "Z" || zone == "z") return std::chrono::nanoseconds{0};
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  const auto hours = digits_at(zone, 1, 2);
  const auto minutes = digits_at(zone, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const auto offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return zone[0] == '+' ? offset : -offset;
}

std::optional<std::chrono::nanoseconds> take_fraction(std::string_view& rest) {
  if (!rest.starts_with('.')) return std::chrono::nanoseconds{0};
  rest.remove_prefix(1);
  std::int64_t value = 0;
  std::size_t count = 0;
  while (count < rest.size() && is_digit(rest[count])) {
    if (count < 9) value = value * 10 + (rest[count] - '0');
    ++count;
  }
  if (count == 0) return std::nullopt;
  for (std::size_t i = count; i < 9; ++i) value *= 10;
  rest.remove_prefix(count);
  return std::chrono::nanoseconds{value};
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::year;
  constexpr std::size_t kUpToSeconds = 19;  // 2026-01-31T10:00:00
  if (text.size() <= kUpToSeconds || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
      text[16] != ':') {
    return std::nullopt;
  }
  const auto y = digits_at(text, 0, 4);
  const auto mo = digits_at(text, 5, 2);
  const auto d = digits_at(text, 8, 2);
  const auto h = digits_at(text, 11, 2);
  const auto mi = digits_at(text, 14, 2);
  const auto s = digits_at(text, 17, 2);
  if (!y || !mo || !d || !h || !mi || !s || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
  const std::chrono::year_month_day date{
      year(*y), month(static_cast<unsigned>(*mo)), day(static_cast<unsigned>(*d))};
  std::string_view rest = text.substr(kUpToSeconds);
  const auto fraction = take_fraction(rest);
  const auto offset = zone_offset(rest);
  // Beyond these years nanoseconds do not fit 64 bits.
  if (!date.ok() || !fraction || !offset || *y < 1970 || *y > 2200) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*h) +
         std::chrono::minutes(*mi) + std::chrono::seconds(*s) + *fraction - *offset;
}

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) {
  const std::string lowered = lower(text);
  std::string_view rest = lowered;
  const auto number = take_decimal(rest);
  const auto unit = byte_unit(rest);
  constexpr long double kTooLarge = 18446744073709551616.0L;
  if (!number || !unit || *number * *unit >= kTooLarge) {
    return bad("a size in bytes", text, "64m, 1g, 1048576");
  }
  return Bytes(static_cast<std::uint64_t>(*number * *unit));
}

Result<MilliCpu> parse_cpus(std::string_view text) {
  std::string_view rest = text;
  const auto number = take_decimal(rest);
  constexpr long double kTooMany = 1e9L;
  if (!number || !rest.empty() || *number >= kTooMany) {
    return bad("a number of CPUs", text, "0.5, 2");
  }
  const long double millis = *number * 1000;
  const long double whole = std::round(millis);
  constexpr long double kRounding = 1e-6L;
  if (std::fabs(millis - whole) > kRounding) {
    return Error(Code::kInvalidArgument,
                 fmt::format("\"{}\" CPUs is finer than a thousandth of one", text));
  }
  return MilliCpu(static_cast<std::uint64_t>(whole));
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  constexpr std::string_view kExamples = "90s, 1m30s, 250ms, 10";
  constexpr long double kTooLong = 9.2e18L;
  const std::string lowered = lower(text);
  std::string_view rest = lowered;
  long double total = 0;
  if (rest.empty()) return bad("a duration", text, kExamples);
  for (bool first = true; !rest.empty(); first = false) {
    const auto number = take_decimal(rest);
    if (!number) return bad("a duration", text, kExamples);
    if (first && rest.empty()) {
      total = *number * 1e9L;
      break;
    }
    const auto unit = take_time_unit(rest);
    if (!unit) return bad("a duration", text, kExamples);
    total += *number * *unit;
  }
  if (total >= kTooLong) return bad("a duration", text, kExamples);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

Result<WallTime> parse_time(std::string_view text, WallTime now) {
  if (const auto time = parse_rfc3339(text)) return *time;
  constexpr std::uint64_t kSmallestEpochTime = 100'000'000;
  constexpr std::uint64_t kLargestEpochTime = 9'000'000'000;
  if (const auto seconds = parse_count(text);
      seconds && *seconds >= kSmallestEpochTime && *seconds <= kLargestEpochTime) {
    return WallTime(std::chrono::seconds(static_cast<std::int64_t>(*seconds)));
  }
  const auto before = parse_duration(text);
  if (!before) return bad("a time", text, "10m, 2026-01-31T10:00:00Z");
  return now - *before;
}

Result<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return bad("a whole number", text, "0, 100");
  }
  return value;
}

bool means_unlimited(std::string_view text) { return text == "unlimited" || text == "-1"; }

}  // namespace skerry::cli
