// Failpoints: a failure, a kill, a stop or a delay at a named place of the product, asked for at
// start.
//
//   create.cgroup=error          before the step: INTERNAL, reason FAILPOINT
//   create.cgroup=error:ENOSPC   the same with an errno, by name or number
//   create.cgroup:after=kill     after the step: SIGKILL to ourselves
//   create.cgroup:undo=delay:50  before its undo: 50 ms
//   create.cgroup=stop           SIGSTOP to ourselves, until whoever watches sends SIGCONT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runtime/cancel_token.h"
#include "base/result.h"

namespace skerry::operations {

/// A value of the composition root: filled before anything runs, only read after.
class FailpointRegistry final {
 public:
  /// Makes "NAME", "NAME:after" and "NAME:undo" known for a step ("operation.step").
  void declare_step(std::string_view name);
  /// Makes "NAME" and "NAME:after" known for a step that has no undo.
  void declare_lasting_step(std::string_view name);
  /// Makes one place outside of a step list known.
  void declare(std::string_view name);
  /// Every known name, sorted: what a sweep goes through.
  std::vector<std::string> names() const;
  bool known(std::string_view name) const;

  /// Arms "NAME=ACTION". Errors: INVALID_ARGUMENT, reason FAILPOINT_UNKNOWN or FAILPOINT_INVALID.
  Result<> arm(std::string_view text);
  /// `told` hears the name of what is armed and happens, before it does. Thread: any, it too.
  void on_hit(std::function<void(std::string_view name)> told) { told_ = std::move(told); }

  /// What is armed at `name` happens now: every time, not once. Without anything armed, a map
  /// lookup. `name` is known, or it is a programmer's error. A delay ends early, without error,
  /// when `cancel` (may be null) is cancelled.
  /// Errors: the armed one. Thread: any. Blocks: for an armed delay.
  Result<> hit(std::string_view name, runtime::CancelToken* cancel = nullptr) const;

 private:
  enum class Kind : std::uint8_t { kNone, kError, kKill, kStop, kDelay };
  struct Action {
    Kind kind = Kind::kNone;
    int sys_errno = 0;
    std::chrono::milliseconds delay{0};
  };
  static std::optional<Action> parse(std::string_view text);
  std::map<std::string, Action, std::less<>> points_;
  std::function<void(std::string_view)> told_;
};

}  // namespace skerry::operations
