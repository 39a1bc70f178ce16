// Cancellation of an operation: asked for by anyone, honoured by the worker that runs it.
#pragma once

#include <atomic>
#include <optional>
#include <stop_token>

#include "agent/runtime/mutex.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::runtime {

/// Shared (std::shared_ptr) by the operation that may be cancelled and whoever may cancel it: the
/// two end in either order. Cancelled once, for good. Thread: any.
class CancelToken final {
 public:
  /// The first reason stays; later ones are ignored.
  void cancel(Error reason);
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }
  /// The reason given to cancel(), if it was.
  Result<> check() const;

  /// The same for libraries that know std::stop_token only: stopped by cancel(), whose thread runs
  /// their callbacks.
  std::stop_token stop_token() const { return stop_.get_token(); }

  /// A descriptor that polls readable from cancel() on, for poll loops of one's own. Borrowed: it
  /// lives as long as the token. Made at the first call.
  /// Errors: RESOURCE_EXHAUSTED (no descriptor left).
  Result<int> fd();

  /// Waits until `fd` has one of `events` (poll(2)) and returns those it has; -1 waits for nothing
  /// but the cancel. `deadline` is a point of std::chrono::steady_clock; SteadyTime::max() is
  /// "never".
  /// Errors: the cancel's reason (it wins when both are ready); DEADLINE_EXCEEDED; as fd().
  /// Blocks: up to the deadline. Thread: worker.
  Result<short> wait_for(int fd, short events, SteadyTime deadline);

 private:
  std::atomic<bool> cancelled_ = false;
  std::stop_source stop_;
  mutable Mutex mutex_;
  std::optional<Error> reason_ GUARDED_BY(mutex_);
  UniqueFd event_ GUARDED_BY(mutex_);
};

}  // namespace skerry::runtime
