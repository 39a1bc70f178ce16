// The exit record: how a container ended, written by its shim into a file that skerryd made at
// launch. It is what a daemon that was away reads. Fixed size and made beforehand, so that writing
// it needs no space; checksummed, so that a torn one is told from a whole one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace skerry::logs {

struct ExitRecord {
  std::string uid;
  std::int32_t status = 0;        ///< wait status as of waitpid(2)
  std::uint64_t time_ns = 0;      ///< CLOCK_REALTIME
  std::uint64_t log_dropped = 0;  ///< bytes
  /// Of a container that was started again, which time; 0: it does not say.
  std::uint32_t attempt = 0;
  bool operator==(const ExitRecord&) const = default;
};

/// Bytes of the file, before and after.
constexpr std::size_t kExitRecordSize = 96;

/// Fills the file with an empty record of the right size. Blocks: kernel. Thread: any.
Result<> prepare_exit_record(int fd, std::uint32_t attempt = 1);
/// `attempt` is the one the file was prepared for. One pread(2), one pwrite(2). Thread: shim.
Result<> write_exit_record(int fd, const ExitRecord& record);
/// Absent when none was written yet. Errors: DATA_LOSS (reason EXIT_RECORD_TORN) for one that is
/// half-written or of another container.
Result<std::optional<ExitRecord>> read_exit_record(int fd, std::string_view uid);

}  // namespace skerry::logs
