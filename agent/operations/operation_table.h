// Operations in flight, for ListOperations: what is being done to which object, at which step, and
// since when.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/runtime/mutex.h"
#include "base/clock.h"

namespace skerry::operations {

struct OperationInfo {
  std::string object;
  std::string operation;
  std::string step;        ///< "queued" until a worker takes it, "undo NAME" while unwinding
  WallTime since;          ///< of the operation
  WallTime step_since;     ///< of the step
  bool cancelled = false;  ///< asked to stop, and has not yet
};

/// Thread: any. Outlives its entries.
class OperationTable final {
 public:
  explicit OperationTable(const Clock& clock) : clock_(clock) {}

  /// An operation's line in the table, from construction to destruction.
  class Entry final {
   public:
    Entry(OperationTable& table, std::string object, std::string operation);
    Entry(Entry&& other) noexcept : table_(std::exchange(other.table_, nullptr)), id_(other.id_) {}
    Entry& operator=(Entry&&) = delete;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();
    void at_step(std::string step);
    void cancelled();

   private:
    OperationTable* table_;
    std::uint64_t id_;
  };

  /// A copy, oldest first.
  std::vector<OperationInfo> snapshot() const;

 private:
  const Clock& clock_;
  mutable runtime::Mutex mutex_;
  std::uint64_t next_id_ GUARDED_BY(mutex_) = 1;
  std::map<std::uint64_t, OperationInfo> operations_ GUARDED_BY(mutex_);
};

}  // namespace skerry::operations
