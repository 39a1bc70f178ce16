// LogReader: a container's log for the daemon, while the shim writes and rotates it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "logs/entry.h"
#include "logs/log_files.h"
#include "logs/tail.h"

namespace skerry::logs {

/// A place between two entries. Good for as long as the file it names is kept.
struct LogCursor {
  FileId file;
  std::uint64_t offset = 0;
  bool operator==(const LogCursor&) const = default;

  /// For clients, who give it back and do not look into it.
  std::string str() const;
  /// Errors: INVALID_ARGUMENT, reason CURSOR_INVALID.
  static Result<LogCursor> parse(std::string_view text);
};

struct LogEntry {
  EntryHeader header;
  std::string text;  ///< Without the newline; header.partial says whether there is one.
  LogCursor next;    ///< The place after this entry.
  /// Entries before this one may be missing: they were rotated away before they were read.
  bool gap = false;
};

/// Reads entries in order. Bytes that are no entry are skipped and counted. Keeps one file open and
/// a block of memory. Blocks: disk. Thread: one at a time.
class LogReader final {
 public:
  struct Options {
    UniqueFd directory;
    std::string name;
    std::uint32_t max_files = 5;
    /// Start after this place; at the oldest entry, with `gap`, when it is no longer there.
    std::optional<LogCursor> after = std::nullopt;
    /// Start at the last lines, counted over the streams wanted. Not together with `after`, which
    /// wins.
    std::optional<std::uint64_t> tail = std::nullopt;
    /// Only entries of this time or later.
    std::optional<WallTime> since = std::nullopt;
    /// End at this place, for good: next() gives nothing from there on. `tail` counts from the end
    /// of the log all the same.
    std::optional<LogPosition> until = std::nullopt;
    StreamFilter streams = StreamFilter::kBoth;
  };

  /// A log without files yet is an empty one. Blocks: disk; with `tail`, as long as it takes to
  /// read that far back.
  static LogReader open(Options options);

  /// The next entry; absent where the log ends for now. Ask again when wait_descriptor() is
  /// readable, or after a while. Errors: by errno of pread(2).
  Result<std::optional<LogEntry>> next();

  /// Becomes readable when the log may have grown since next() came back empty. Made at the first
  /// call; borrowed. Errors: RESOURCE_EXHAUSTED when the user has too many watches. Kernel:
  /// inotify(7).
  Result<int> wait_descriptor();

  /// Bytes that were no entry.
  std::uint64_t skipped_bytes() const { return skipped_; }

 private:
  explicit LogReader(Options options) : options_(std::move(options)) {}

  void find_start();
  void begin_file(std::optional<LogFile> file, std::uint64_t offset);
  std::optional<LogFile> newer_file();
  Result<bool> fill();
  bool at_end();
  bool reached_until();
  std::optional<std::string_view> take_line();
  std::string_view take_rest();
  std::optional<LogEntry> to_entry(std::string_view line);
  bool drain_watch() const;

  Options options_;
  UniqueFd watch_;
  std::optional<LogFile> file_;
  std::uint64_t offset_ = 0;  ///< Of the first byte of buffer_ that is not taken.
  std::string buffer_;
  std::size_t taken_ = 0;    ///< Bytes of buffer_ that are.
  bool in_garbage_ = false;  ///< In a line that is too long to be one.
  bool rotated_ = false;     ///< A newer file was seen: the end of this one is final.
  bool gap_ = false;
  std::uint64_t skipped_ = 0;
};

}  // namespace skerry::logs
