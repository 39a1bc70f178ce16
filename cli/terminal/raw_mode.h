// The caller's terminal while somebody else's program has it.
#pragma once

#include <optional>

#include "base/result.h"
#include "skerry/v1/terminal.pb.h"

namespace skerry::cli {

/// Keys go through unprocessed for as long as this lives. The terminal is as it was afterwards,
/// whatever ends us: the destructor, a crash, SIGPIPE when nobody reads our output any more,
/// std::terminate; SIGKILL alone leaves it (`stty sane` mends that). At most one at a time. Thread:
/// main.
class RawMode final {
 public:
  /// Errors: FAILED_PRECONDITION when `fd` is no terminal. Kernel: termios(3).
  static Result<RawMode> enter(int fd);

  RawMode(RawMode&& other) noexcept;
  RawMode& operator=(RawMode&&) = delete;
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode();

  /// For a stop (SIGTSTP) and what follows it. Thread: any.
  static void suspend();
  static void resume();

 private:
  RawMode() = default;
  bool active_ = true;
};

/// Size of the terminal at `fd`. Absent: it is none, or has no size.
std::optional<v1::TerminalSize> terminal_size(int fd);

}  // namespace skerry::cli
