// Operations in flight, for ListOperations: what is being done to which object, at which step, and
// since when.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/runtime/cancel_token.h"
#include "agent/runtime/mutex.h"
#include "base/clock.h"

namespace skerry::operations {

struct OperationInfo {
  std::string object;
  std::string operation;
  std::string step;        ///< "queued" until a worker takes it, "undo NAME" while unwinding
  WallTime since;          ///< of the operation
  WallTime step_since;     ///< of the step
  bool cancelled = false;  ///< was asked to stop
  std::uint64_t id = 0;    ///< of this line, not used twice in a daemon's life
};

/// Thread: any.
class OperationTable final {
  struct Lines;

 public:
  explicit OperationTable(const Clock& clock);

  /// An operation's line in the table, from construction to destruction. May outlive the table: at
  /// the end of the daemon operations lie in the queues of workers and reactor, unrun.
  class Entry final {
   public:
    /// `cancel` may be null.
    Entry(OperationTable& table,
          std::string object,
          std::string operation,
          std::shared_ptr<const runtime::CancelToken> cancel);
    Entry(Entry&& other) noexcept = default;
    Entry& operator=(Entry&&) = delete;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();
    void at_step(std::string step);

   private:
    std::shared_ptr<Lines> lines_;  // null: moved from
    std::uint64_t id_ = 0;
  };

  /// A copy, oldest first.
  std::vector<OperationInfo> snapshot() const;

 private:
  struct Line {
    OperationInfo info;
    std::shared_ptr<const runtime::CancelToken> cancel;
  };
  struct Lines {
    explicit Lines(const Clock& of) : clock(of) {}
    const Clock& clock;
    mutable runtime::Mutex mutex;
    std::uint64_t next_id GUARDED_BY(mutex) = 1;
    std::map<std::uint64_t, Line> by_id GUARDED_BY(mutex);
  };
  std::shared_ptr<Lines> lines_;  // shared with the entries, which may live longer
};

}  // namespace skerry::operations
