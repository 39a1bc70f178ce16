// The write end of a process's standard input, fed by one client. A process that does not read
// fills it; then the client waits, and nothing else does.
#pragma once

#include <functional>
#include <string>

#include "agent/runtime/reactor.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::agent {

/// Thread: reactor. Destroy it to give up what was not written.
class InputPipe final {
 public:
  /// A pipe, or the master of a terminal.
  static Result<std::unique_ptr<InputPipe>> open(runtime::Reactor& reactor, UniqueFd fd);
  InputPipe(const InputPipe&) = delete;
  InputPipe& operator=(const InputPipe&) = delete;
  ~InputPipe() = default;

  /// Writes all of it, then calls `done`, perhaps from inside; the pipe may be destroyed there. One
  /// write at a time. Errors: FAILED_PRECONDITION, reason NO_STDIN, when nobody can read it any
  /// more.
  void write(std::string bytes, std::function<void(Result<>)> done);
  /// A write waits for room.
  bool busy() const { return static_cast<bool>(watch_); }

 private:
  InputPipe(runtime::Reactor& reactor, UniqueFd fd) : reactor_(reactor), fd_(std::move(fd)) {}
  void write_some();
  void finish(Result<> result);

  runtime::Reactor& reactor_;
  UniqueFd fd_;
  std::string bytes_;
  std::size_t written_ = 0;
  std::function<void(Result<>)> done_;
  runtime::Watch watch_;
};

}  // namespace skerry::agent
