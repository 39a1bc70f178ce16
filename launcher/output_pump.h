// Moves the container's output from its pipes into its log.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/unique_fd.h"
#include "logs/page_buffer.h"
#include "logs/writer.h"

namespace skerry::launcher {

/// Thread: shim. Blocks: kernel (disk).
class OutputPump final {
 public:
  /// Nothing to move.
  OutputPump() = default;
  OutputPump(logs::LogWriter log, UniqueFd output, UniqueFd errors)
      : log_(std::move(log)), output_(std::move(output)), errors_(std::move(errors)) {}

  /// For poll(2): the pipe, or -1 when it has ended or nothing may be read because the log is full.
  int descriptor(logs::Stream stream) const { return blocked() ? -1 : pipe(stream).get(); }
  /// Reads once and logs it. Call it when the pipe is readable.
  void pump(logs::Stream stream);

  /// The log is full; retry() after a while.
  bool blocked() const { return waiting_ > 0; }
  void retry();

  /// Everything is in the log and both pipes have ended.
  bool finished() const { return !blocked() && !output_ && !errors_; }
  /// Stops here. What waits for room in the log is counted as thrown away, what is in the pipes is
  /// lost with whoever still writes there.
  void give_up();

  std::uint64_t dropped() const { return log_ ? log_->dropped() : 0; }

  /// Whether memory is held that idle shims should not hold.
  bool holds_memory() const { return holds_memory_; }
  void release_memory();

 private:
  const UniqueFd& pipe(logs::Stream stream) const {
    return stream == logs::Stream::kStdout ? output_ : errors_;
  }

  std::optional<logs::LogWriter> log_;
  UniqueFd output_;
  UniqueFd errors_;
  logs::PageBuffer buffer_;
  // Read but not in the log: `waiting_` bytes of the buffer from `offset_`, of `stream_`.
  std::size_t offset_ = 0;
  std::size_t waiting_ = 0;
  logs::Stream stream_ = logs::Stream::kStdout;
  bool holds_memory_ = false;
};

}  // namespace skerry::launcher
