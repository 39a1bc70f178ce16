// Reads events from state.db on a thread that is not the reactor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "agent/store/rows.h"
#include "base/result.h"

namespace skerry::store {

class Database;

/// A read-only connection. Thread: any, one at a time. Blocks: kernel and disk; never the reactor.
class StoreReader final {
 public:
  explicit StoreReader(std::unique_ptr<Database> database);
  StoreReader(const StoreReader&) = delete;
  StoreReader& operator=(const StoreReader&) = delete;
  ~StoreReader();

  /// Committed events with sequence > `after`, in order: at most `max_events`, and no more once
  /// `max_bytes` of blobs are reached (but one in any case). Fewer than there are is no sign of the
  /// end; none is.
  /// Errors: OUT_OF_RANGE, reason CURSOR_TOO_OLD, when the one that follows `after` was dropped;
  /// DATA_LOSS, reason RECORD_DAMAGED, when it fails its checksum (those before it are returned
  /// first).
  Result<std::vector<EventRow>> events_after(std::uint64_t after,
                                             std::size_t max_events,
                                             std::size_t max_bytes);

 private:
  std::unique_ptr<Database> database_;
};

}  // namespace skerry::store
