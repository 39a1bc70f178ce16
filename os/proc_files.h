// Parsers of kernel text files, as pure functions. None allocates more than what it returns.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::os {

/// One line of /proc/PID/mountinfo (proc(5)); octal escapes undone in the paths.
struct MountInfoLine {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  std::string root;
  std::string mount_point;
  std::string options;
  std::string file_system;
  std::string source;
  std::string super_options;
};
/// Absent for a line that is not one.
std::optional<MountInfoLine> parse_mountinfo_line(std::string_view line);

/// The fields of /proc/PID/stat that are used here. The name may hold any byte, brackets too.
struct ProcessStat {
  pid_t pid = 0;
  std::string name;
  char state = '?';
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;
};
std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// The value of `key` in "key value" lines (memory.stat, cpu.stat, /proc/meminfo with its colon
/// given in the key). Absent when the key or a number is not there.
std::optional<std::uint64_t> find_keyed_number(std::string_view text, std::string_view key);

/// A whole decimal number, surrounding white space aside.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// Splits at `separator`, dropping empty parts. Views into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace skerry::os
