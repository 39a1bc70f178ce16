// Moves the container's output from its pipes, or its terminal, into its log and to whoever is
// attached.
#pragma once

#include <cstdint>
#include <optional>

#include "base/unique_fd.h"
#include "launcher/attached_stream.h"
#include "logs/page_buffer.h"
#include "logs/writer.h"
#include "plan/plan.h"

namespace skerry::launcher {

/// Thread: shim. Blocks: kernel (disk).
class OutputPump final {
 public:
  struct Parts {
    /// None where output is not kept.
    std::optional<logs::LogWriter> log = std::nullopt;
    /// Read ends, non-blocking. None with a terminal, which comes later.
    UniqueFd output = UniqueFd();
    UniqueFd errors = UniqueFd();
    /// kIsWaitedFor only without a log, which loses nothing.
    plan::SlowReader slow_reader = plan::SlowReader::kMisses;
  };
  /// Nothing to move.
  OutputPump() = default;
  explicit OutputPump(Parts parts) : parts_(std::move(parts)) {}

  /// The output of a terminal. `slave` keeps its master from ending while the container has closed
  /// its own for a moment; end_terminal() lets go of it.
  void take_terminal(UniqueFd master, UniqueFd slave);
  void end_terminal() { slave_.reset(); }
  /// For window sizes and input; -1 without a terminal.
  int terminal() const { return has_terminal_ ? parts_.output.get() : -1; }

  /// For poll(2): the pipe, or -1 when it has ended or nothing may be read from it now.
  int descriptor(logs::Stream stream) const;
  /// Reads once and passes it on. Call it when the pipe is readable.
  void pump(logs::Stream stream);

  /// The log is full; retry() after a while.
  bool waits_for_log() const { return waiting_ > 0 && parts_.log; }
  /// Output is there, or may come, that somebody attached is to read first.
  bool waits_for_reader() const;
  void retry();

  /// Everything is passed on, all pipes have ended and the reader knows what it missed.
  bool finished() const;
  /// Stops here. What waits for room in the log is counted as thrown away, what is in the pipes is
  /// lost with whoever still writes there.
  void give_up();

  /// Replaces whoever is attached. Returns where in the log the stream begins.
  logs::LogPosition attach(AttachedStream stream);
  /// Ends the attached connection, and with it all waiting for a reader.
  void detach();
  const AttachedStream& attached() const { return attached_; }
  /// Whether to wait for room in the attached socket.
  bool wants_room() const { return attached_.owes_word() || (waiting_ > 0 && !parts_.log); }
  /// Something happened on the attached socket: there is room, or its reader has gone.
  void on_attached_event(short events);

  std::uint64_t dropped() const { return parts_.log ? parts_.log->dropped() : 0; }

  /// Whether memory is held that idle shims should not hold.
  bool holds_memory() const { return holds_memory_; }
  void release_memory();

 private:
  UniqueFd& pipe(logs::Stream stream) {
    return stream == logs::Stream::kStdout ? parts_.output : parts_.errors;
  }
  bool is_lossless() const { return parts_.slow_reader == plan::SlowReader::kIsWaitedFor; }

  Parts parts_;
  UniqueFd slave_;
  bool has_terminal_ = false;
  AttachedStream attached_;
  logs::PageBuffer buffer_;
  // Read but not passed on: `waiting_` bytes of the buffer from `offset_`, of `stream_`.
  std::size_t offset_ = 0;
  std::size_t waiting_ = 0;
  logs::Stream stream_ = logs::Stream::kStdout;
  bool holds_memory_ = false;
  // Bytes that are in no log and had nobody attached.
  std::uint64_t unseen_ = 0;
};

}  // namespace skerry::launcher
