// The files of one log, as a reader meets them while the writer rotates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace skerry::logs {

/// Tells a file from every other of the same log, after renames and after its inode number was
/// given to a new file: `first_ns` is the time of its first entry, 0 while it has none.
struct FileId {
  std::uint64_t inode = 0;
  std::uint64_t first_ns = 0;
  bool operator==(const FileId&) const = default;
};

struct LogFile {
  UniqueFd fd;
  FileId id;
};

/// Opens `name`, if it is a regular file that can be read.
std::optional<LogFile> open_log_file(int dir, const std::string& name);

/// All files there are, newest first. One that is renamed meanwhile is found nevertheless, and
/// once.
std::vector<LogFile> open_log_files(int dir, const std::string& name, std::uint32_t max_files);

/// Whether `file` is still the one that is written to.
bool is_newest(int dir, const std::string& name, const LogFile& file);

/// The time of its first entry, 0 while it has none.
std::uint64_t first_time(const LogFile& file);

/// Bytes in the file; 0 when the kernel cannot tell.
std::uint64_t size_of(const LogFile& file);

}  // namespace skerry::logs
