// What an attached client is connected to: an exec, or a container.
#pragma once

#include <functional>
#include <optional>

#include "agent/attach/output_queue.h"
#include "agent/containers/spec.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "skerry/v1/container.pb.h"

namespace skerry::agent {

/// One client's connection. Thread: reactor. Its destruction ends it, as a lost client does.
class AttachTarget {
 public:
  AttachTarget() = default;
  AttachTarget(const AttachTarget&) = delete;
  AttachTarget& operator=(const AttachTarget&) = delete;
  virtual ~AttachTarget() = default;

  /// The next piece of output, if there is one now.
  virtual std::optional<OutputPiece> take() = 0;
  /// How it ended, once it has and all output was taken. An error: nobody will ever know.
  virtual std::optional<Result<skerry::v1::ExitInfo>> ended() = 0;
  /// Errors: FAILED_PRECONDITION, reasons NO_TERMINAL and STATE.
  virtual Result<> resize(const TerminalSize& size) = 0;
  /// The write end of its standard input. Errors: FAILED_PRECONDITION, reasons NO_STDIN and STATE;
  /// ABORTED, reason BUSY.
  virtual void open_stdin(std::function<void(Result<UniqueFd>)> done) = 0;
  /// Not for terminals, whose end of input is a character.
  virtual void close_stdin() = 0;
  virtual bool has_terminal() const = 0;
  /// The client goes on purpose.
  virtual void detach() = 0;
};

}  // namespace skerry::agent
