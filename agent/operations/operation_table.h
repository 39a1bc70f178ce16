// Operations in flight, for ListOperations: what is being done to which object, at which step, and
// since when.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
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

/// Thread: any. Outlives its entries.
class OperationTable final {
 public:
  explicit OperationTable(const Clock& clock) : clock_(clock) {}

  /// An operation's line in the table, from construction to destruction.
  class Entry final {
   public:
    /// `cancel` may be null.
    Entry(OperationTable& table,
          std::string object,
          std::string operation,
          std::shared_ptr<const runtime::CancelToken> cancel);
    Entry(Entry&& other) noexcept : table_(std::exchange(other.table_, nullptr)), id_(other.id_) {}
    Entry& operator=(Entry&&) = delete;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();
    void at_step(std::string step);

   private:
    OperationTable* table_;
    std::uint64_t id_;
  };

  /// A copy, oldest first.
  std::vector<OperationInfo> snapshot() const;

 private:
  struct Line {
    OperationInfo info;
    std::shared_ptr<const runtime::CancelToken> cancel;
  };
  const Clock& clock_;
  mutable runtime::Mutex mutex_;
  std::uint64_t next_id_ GUARDED_BY(mutex_) = 1;
  std::map<std::uint64_t, Line> operations_ GUARDED_BY(mutex_);
};

}  // namespace skerry::operations
