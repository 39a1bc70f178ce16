#include "os/proc_files.h"

#include <charconv>

namespace skerry::os {
namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string undo_octal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out.push_back(static_cast<char>(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) |
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kWhite = " \t\n";
  const auto first = text.find_first_not_of(kWhite);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

template <class Number>
std::optional<Number> parse_as(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    const auto part = text.substr(0, end);
    if (!part.empty()) parts.push_back(part);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  return parse_as<std::uint64_t>(trim(text));
}

std::optional<MountInfoLine> parse_mountinfo_line(std::string_view line) {
  // id parent major:minor root mount_point options [optional…] - type source super_options
  const auto fields = split(line, ' ');
  constexpr std::size_t kFixed = 6;
  std::size_t dash = kFixed;
  while (dash < fields.size() && fields[dash] != "-") ++dash;
  if (dash + 3 >= fields.size()) return std::nullopt;
  const auto id = parse_number(fields[0]);
  const auto parent = parse_number(fields[1]);
  if (!id || !parent) return std::nullopt;
  return MountInfoLine{.id = *id,
                       .parent = *parent,
                       .root = undo_octal(fields[3]),
                       .mount_point = undo_octal(fields[4]),
                       .options = std::string(fields[5]),
                       .file_system = std::string(fields[dash + 1]),
                       .source = undo_octal(fields[dash + 2]),
                       .super_options = std::string(trim(fields[dash + 3]))};
}

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // pid (name) state ppid …: the name may hold brackets and spaces, so its end is the last ")".
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return std::nullopt;
  const auto pid = parse_as<pid_t>(trim(text.substr(0, open)));
  const auto rest = split(trim(text.substr(close + 1)), ' ');
  constexpr std::size_t kStartField = 22 - 3;  // Counted from "state", which is field 3.
  if (!pid || rest.size() <= kStartField || rest[0].size() != 1) return std::nullopt;
  const auto parent = parse_as<pid_t>(rest[1]);
  const auto start = parse_as<std::uint64_t>(rest[kStartField]);
  if (!parent || !start) return std::nullopt;
  return ProcessStat{.pid = *pid,
                     .name = std::string(text.substr(open + 1, close - open - 1)),
                     .state = rest[0][0],
                     .parent = *parent,
                     .start_ticks = *start};
}

std::optional<std::uint64_t> find_keyed_number(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    if (line.size() > key.size() && line.starts_with(key) &&
        (line[key.size()] == ' ' || line[key.size()] == '\t')) {
      auto value = trim(line.substr(key.size()));
      return parse_as<std::uint64_t>(value.substr(0, value.find(' ')));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

}  // namespace skerry::os
