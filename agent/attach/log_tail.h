// The last lines of a log up to the place where a client's output stream begins.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/attach/output_queue.h"
#include "agent/runtime/reactor.h"
#include "agent/runtime/worker_pool.h"
#include "logs/reader.h"

namespace skerry::agent {

/// Reads in batches, the next one when the last was taken: bounded memory however long the lines
/// are. Thread: reactor; a worker reads.
class LogTail final : public std::enable_shared_from_this<LogTail> {
 public:
  struct Options {
    std::string directory;
    /// Without the directory; with `until`.
    logs::LogReader::Options reader;
  };
  LogTail(runtime::Reactor& reactor, runtime::WorkerPool& workers, Options options)
      : reactor_(reactor), workers_(workers), options_(std::move(options)) {}

  /// The next piece, if it was read already; else it is being read, and `on_ready` called then.
  std::optional<OutputPiece> take();
  /// All was taken. A log that cannot be read ends where that was found.
  bool done() const { return done_ && batch_.empty(); }
  void on_ready(std::function<void()> callback) { on_ready_ = std::move(callback); }

 private:
  struct Batch {
    std::vector<OutputPiece> pieces;
    bool last = false;
  };
  void read_more();
  Batch read();

  runtime::Reactor& reactor_;
  runtime::WorkerPool& workers_;
  Options options_;
  std::optional<logs::LogReader> reader_;  ///< the worker's while reading_
  std::vector<OutputPiece> batch_;         ///< the next one is the last
  bool reading_ = false;
  bool done_ = false;
  runtime::Timer retry_;
  std::function<void()> on_ready_;
};

}  // namespace skerry::agent
