#include "logs/entry.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace skerry::logs {
namespace {

using namespace std::chrono;

constexpr std::string_view kTemplate = "0000-00-00T00:00:00.000000000Z stdout F ";
static_assert(kTemplate.size() == kHeaderBytes);
constexpr std::size_t kTimeBytes = 30;
constexpr std::size_t kStreamAt = kTimeBytes + 1;
constexpr std::size_t kStreamBytes = 6;
constexpr std::size_t kTagAt = kStreamAt + kStreamBytes + 1;
constexpr std::string_view kStdoutName = "stdout";
constexpr std::string_view kStderrName = "stderr";

void put_digits(char* out, std::int64_t value, int width) {
  for (int i = width - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// Fields of the time: where they start and how wide they are.
struct Field {
  std::size_t at;
  int width;
};
constexpr Field kYear{0, 4};
constexpr Field kMonth{5, 2};
constexpr Field kDay{8, 2};
constexpr Field kHour{11, 2};
constexpr Field kMinute{14, 2};
constexpr Field kSecond{17, 2};
constexpr Field kNanosecond{20, 9};

void put(char* out, Field field, std::int64_t value) {
  put_digits(out + field.at, value, field.width);
}

std::int64_t number(std::string_view text, Field field) {
  std::int64_t value = 0;
  std::from_chars(text.data() + field.at,
                  text.data() + field.at + static_cast<std::size_t>(field.width),
                  value);
  return value;
}

// Same punctuation and digits in the same places as the template.
bool has_time_shape(std::string_view text) {
  for (std::size_t i = 0; i < kTimeBytes; ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kTemplate[i] == '0' ? !digit : text[i] != kTemplate[i]) return false;
  }
  return true;
}

std::optional<WallTime> parse_time(std::string_view text) {
  if (!has_time_shape(text)) return std::nullopt;
  const year_month_day date{year(static_cast<int>(number(text, kYear))),
                            month(static_cast<unsigned>(number(text, kMonth))),
                            day(static_cast<unsigned>(number(text, kDay)))};
  if (!date.ok()) return std::nullopt;
  const auto hour = number(text, kHour);
  const auto minute = number(text, kMinute);
  const auto second = number(text, kSecond);
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  // Nanoseconds since 1970 in 64 bits end in 2262; a later year would wrap.
  if (date.year() < year(1678) || date.year() > year(2261)) return std::nullopt;
  return WallTime(sys_days(date)) + hours(hour) + minutes(minute) + seconds(second) +
         nanoseconds(number(text, kNanosecond));
}

}  // namespace

void format_header(const EntryHeader& header, char* out) {
  std::memcpy(out, kTemplate.data(), kHeaderBytes);
  const auto midnight = floor<days>(header.time);
  const year_month_day date(midnight);
  const hh_mm_ss time(header.time - midnight);
  put(out, kYear, static_cast<int>(date.year()));
  put(out, kMonth, static_cast<unsigned>(date.month()));
  put(out, kDay, static_cast<unsigned>(date.day()));
  put(out, kHour, time.hours().count());
  put(out, kMinute, time.minutes().count());
  put(out, kSecond, time.seconds().count());
  put(out, kNanosecond, time.subseconds().count());
  const auto name = header.stream == Stream::kStdout ? kStdoutName : kStderrName;
  std::memcpy(out + kStreamAt, name.data(), kStreamBytes);
  if (header.partial) out[kTagAt] = 'P';
}

std::optional<EntryHeader> parse_header(std::string_view entry) {
  if (entry.size() < kHeaderBytes) return std::nullopt;
  const auto time = parse_time(entry);
  if (!time) return std::nullopt;
  const auto stream = entry.substr(kStreamAt, kStreamBytes);
  const char tag = entry[kTagAt];
  if (entry[kTimeBytes] != ' ' || entry[kTagAt - 1] != ' ' || entry[kTagAt + 1] != ' ')
    return std::nullopt;
  if ((stream != kStdoutName && stream != kStderrName) || (tag != 'F' && tag != 'P'))
    return std::nullopt;
  return EntryHeader{.time = *time,
                     .stream = stream == kStdoutName ? Stream::kStdout : Stream::kStderr,
                     .partial = tag == 'P'};
}

Piece first_piece(std::string_view data) {
  const auto window = data.substr(0, kMaxLineBytes + 1);
  const auto newline = window.find('\n');
  if (newline != std::string_view::npos)
    return {.text = newline, .taken = newline + 1, .partial = false};
  const auto size = std::min(data.size(), kMaxLineBytes);
  return {.text = size, .taken = size, .partial = true};
}

}  // namespace skerry::logs
