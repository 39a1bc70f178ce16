// A transaction on state.db: the only way to write. One per operation, with every change and every
// event of it inside, so that they are recorded together or not at all.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/runtime/reactor.h"
#include "agent/store/rows.h"
#include "base/result.h"

namespace skerry::store {

class Store;

/// Writes do not fail one by one: the first error is kept, the rest is skipped, and commit() says
/// it. One is open at a time. Thread: reactor. Blocks: about 10 µs a transaction; never for a sync.
class Transaction final {
 public:
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  /// Rolls back what was not committed.
  ~Transaction();

  /// Inserts or replaces.
  void put(const ContainerRow& row);
  void put(const TombstoneRow& row);
  void put(const DebtRow& row);
  void put(const ImageRow& row);
  void put(const ImageNameRow& row);
  void put(const OperationRow& row);
  void put(const ObjectRow& row);

  /// Removing what is not there succeeds.
  void remove_container(const Uid& uid);
  void remove_debt(std::string_view kind, std::string_view key);
  void remove_image(std::string_view content_id);  ///< its names stay: remove those, too
  void remove_image_name(std::string_view name);
  void remove_operation(const Uid& uid, std::string_view operation);
  void remove_object(std::string_view kind, std::string_view key);
  /// Forgets the ids that were removed before `before`.
  void purge_tombstones(WallTime before);

  /// Appends an event; for EventLog, which numbers them.
  /// `total_bytes` is the size of all events ever, this one included.
  void append_event(const EventRow& row, std::uint64_t total_bytes);
  /// Drops the events up to and including `sequence`, and the epochs that have none left.
  void drop_events_through(std::uint64_t sequence);

  /// Moves a container's row to the quarantine, for a record whose owner cannot decode it.
  void quarantine_container(const Uid& uid, std::string_view why);
  /// As above for an image's and an object's row.
  void quarantine_image(std::string_view content_id, std::string_view why);
  void quarantine_object(std::string_view kind, std::string_view key, std::string_view why);

  /// Runs `task` right after a successful commit, in the order of registration: changes to tables
  /// in memory and whatever is told to others.
  void on_commit(runtime::Task task);
  /// Runs `task` when the transaction ends in any other way.
  void on_rollback(runtime::Task task);

  /// Makes everything visible at once; it survives the death of the process from here on, and of
  /// the machine once Store::durable() has called back.
  /// Errors: RESOURCE_EXHAUSTED, retryable, reason STATE_DISK_FULL; DATA_LOSS, reason
  /// STATE_DAMAGED (see Store); on any error nothing is applied. Once only.
  Result<> commit();

 private:
  friend class Store;
  Transaction(Store& store, std::optional<Error> failed);
  template <class... Args>
  void write(const char* sql, const Args&... args);
  template <class Row>
  void put_row(const Row& row);
  void end_without_effect();

  Store* store_;  // null: moved from, committed or rolled back
  std::optional<Error> failed_;
  std::vector<runtime::Task> on_commit_;
  std::vector<runtime::Task> on_rollback_;
};

}  // namespace skerry::store
