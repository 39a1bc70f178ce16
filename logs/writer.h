// LogWriter: a container's output to its log files, in the shim.
//
// Files: NAME is the newest; when it would grow above max_bytes it becomes NAME.1, NAME.1 becomes
// NAME.2 …; max_files are kept. A rotated file is never written again. The first entry of a file is
// later than the first of the one before, which is how readers tell files apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "logs/entry.h"
#include "logs/page_buffer.h"

namespace skerry::logs {

/// What to do when nothing can be written: no space, quota, an I/O error, no rotation.
enum class OnFull : std::uint8_t {
  kBlock,  ///< Take no more; the caller offers the rest again later.
  kDrop,   ///< Throw entries away and count them.
};

/// Thread: one at a time. Keeps no output in memory between calls: what append() has taken is in
/// the file or counted, so that killing the process loses nothing that was taken.
class LogWriter final {
 public:
  struct Options {
    UniqueFd directory;
    std::string name;
    std::uint64_t max_bytes = 10ULL << 20U;
    std::uint32_t max_files = 5;  ///< With the newest; 0 is taken as 1.
    OnFull on_full = OnFull::kBlock;
  };

  /// Opens or makes the newest file. A file that is there is continued; a torn last line is ended
  /// first. `clock` outlives the writer. A full disk is no error here but at append().
  /// Errors: by errno of openat(2).
  static Result<LogWriter> open(Options options, const Clock& clock);

  /// Writes `data` as entries; lines longer than kMaxLineBytes are split. Returns how many bytes
  /// were taken: fewer than given means that the log is full (kBlock); what was not taken is given
  /// again, unchanged, when it is time to try again. Blocks: kernel.
  std::size_t append(Stream stream, std::string_view data);

  /// Where the next entry will be: all that were taken are before it. Of a file that is empty, or
  /// not there yet, the time is now, which no later entry is before. Blocks: kernel.
  LogPosition position();

  /// Entries thrown away so far.
  std::uint64_t dropped() const { return dropped_; }
  /// Counts `data` as thrown away, where the caller gives up on a full log.
  void drop(std::string_view data);
  /// Gives the working memory back until the next append().
  void release_memory() { buffer_.release(); }

 private:
  LogWriter(Options options, const Clock& clock) : options_(std::move(options)), clock_(&clock) {}

  int open_file();
  bool make_ready(std::size_t next_entry, WallTime& time);
  bool rotate();
  std::size_t write_batch(Stream stream, std::string_view data, WallTime time);
  std::string file_name(std::uint32_t number) const;

  Options options_;
  const Clock* clock_;
  UniqueFd file_;
  std::uint64_t size_ = 0;
  bool torn_ = false;  ///< The file does not end with a newline.
  std::uint64_t dropped_ = 0;
  PageBuffer buffer_;
};

}  // namespace skerry::logs
