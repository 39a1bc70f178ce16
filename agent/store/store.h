// state.db: what the daemon must still know after it, or the machine, went away. SQLite in WAL mode
// with synchronous=NORMAL: a commit survives kill -9 at once and a power cut after durable().
//
// Three connections: the reactor's, for transactions and for reading at start; the store thread's,
// for checkpoints; and one per StoreReader. Two daemons are kept apart by a lock on state.lock and
// not by SQLite's exclusive mode, which would forbid the second connection, and with it checkpoints
// off the reactor: 5 µs dearer a transaction, 3.7 ms of stall cheaper a checkpoint.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/runtime/reactor.h"
#include "agent/runtime/trace.h"
#include "agent/store/reader.h"
#include "agent/store/rows.h"
#include "agent/store/transaction.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::store {

class Database;
class DiskThread;

/// What was found when the store was opened.
struct Opening {
  std::string agent_id;     ///< made with the database, never changes
  std::uint64_t epoch = 0;  ///< of the events appended from now on
  bool fresh = false;       ///< there was no database
  bool clean = false;       ///< the last daemon said good-bye
  /// Where a damaged database was moved; a fresh one took its place.
  std::optional<std::filesystem::path> moved_aside;
};

/// Thread: reactor (before run(): whoever made it), where nothing else is said.
class Store final {
 public:
  struct Options {
    std::filesystem::path root;  ///< state.db and state.lock are in it; it exists
    /// Called once, by the reactor, when a statement meets a damaged page while the daemon runs.
    /// From then on every commit fails; the next open() moves the database aside. What it held
    /// about containers is in their run directories too, so ending the process and being started
    /// again is the way out.
    std::function<void(const Error&)> on_damage;
  };

  /// Opens or makes the database, takes the lock, migrates, checks (quick_check), begins an epoch
  /// if the last end was unclean, and marks the state as in use, durably.
  /// Errors: FAILED_PRECONDITION (reason STATE_IN_USE: another daemon has the lock;
  /// STATE_TOO_NEW: written by a version whose changes this one does not understand;
  /// STATE_FOREIGN: not a Skerry database); others as open(2). A damaged database is no error: see
  /// Opening::moved_aside.
  /// Blocks: kernel and disk (start only).
  static Result<std::unique_ptr<Store>> open(Options options,
                                             runtime::Reactor& reactor,
                                             runtime::Trace& trace,
                                             const Clock& clock);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  /// Ends as a crash would: all that was committed is kept. Durable callbacks not yet made are not.
  ~Store();

  const Opening& opening() const { return opening_; }
  /// The thread it belongs to.
  runtime::Reactor& reactor() const { return reactor_; }

  /// Begins a transaction; the one before it has ended.
  Transaction begin();

  /// Whole tables, for recovery. Records that fail their checksum are moved to the quarantine and
  /// reported, not returned. Errors: as Transaction::commit().
  Result<Loaded<ContainerRow>> containers();
  Result<Loaded<DebtRow>> debts();
  Result<Loaded<ImageRow>> images();
  Result<Loaded<ImageNameRow>> image_names();
  Result<Loaded<OperationRow>> operations();
  Result<Loaded<ObjectRow>> objects();  ///< of every kind
  /// Of one id; absent: it was never removed, or that is forgotten. Errors: as
  /// Transaction::commit(), and as a record that fails its checksum, which stays where it is.
  Result<std::optional<TombstoneRow>> tombstone(std::string_view tenant, std::string_view id);
  /// What lies in quarantine.
  Result<std::vector<BadRecord>> quarantine();

  /// Calls `done` on the reactor once everything committed so far is on the disk. Callers at about
  /// the same time share one fdatasync(2). Errors handed to it: as fdatasync(2), then DATA_LOSS.
  /// Thread: reactor. Blocks: never.
  void durable(std::move_only_function<void(Result<>)> done);

  /// A connection of its own for reading events on another thread.
  /// Thread: reactor for this call; the reader is its user's.
  Result<std::unique_ptr<StoreReader>> open_reader();

  /// Says good-bye: no epoch is begun at the next start. Everything is on disk when it returns and
  /// no transaction is begun after it. Blocks: disk.
  Result<> close_clean();

  /// What EventLog must know to go on where the last one stopped.
  struct EventBounds {
    std::uint64_t first = 1;        ///< sequence of the oldest kept
    std::uint64_t head = 0;         ///< of the newest; below `first` when there is none
    std::uint64_t total_bytes = 0;  ///< size of all events ever, dropped ones too
    std::vector<std::pair<std::uint64_t, std::uint64_t>> epochs;  ///< {epoch, first sequence}
  };
  Result<EventBounds> event_bounds();
  /// When an event happened, and the size of all events up to and with it.
  struct EventMark {
    std::uint64_t sequence = 0;
    WallTime time;
    std::uint64_t total_bytes = 0;
  };
  /// The oldest `count` events. Errors: as Transaction::commit().
  Result<std::vector<EventMark>> oldest_events(std::size_t count);

  /// The reactor's connection, for tests that damage what it holds.
  Database& database() { return *database_; }

 private:
  friend class Transaction;
  Store(Options options, runtime::Reactor& reactor, runtime::Trace& trace, const Clock& clock);
  Result<> begin_life();
  Result<> read_opening();
  void note_failure(const Error& error);
  template <class T>
  Result<T> noted(Result<T> result);
  Result<EventBounds> read_event_bounds();
  Result<std::vector<EventMark>> read_oldest_events(std::size_t count);
  void ended();
  void wal_grew(int pages);
  struct Damaged {
    BadRecord record;
    std::int64_t rowid;
    std::string columns;
  };
  template <class Row>
  Result<Loaded<Row>> load();
  Result<> move_to_quarantine(const char* delete_sql, const std::vector<Damaged>& damaged);

  const Options options_;
  runtime::Reactor& reactor_;
  runtime::Trace& trace_;
  const Clock& clock_;
  Opening opening_;
  UniqueFd lock_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<DiskThread> disk_;
  bool in_transaction_ = false;
  std::optional<Error> refused_;  // damaged or closed: why nothing is written any more
};

}  // namespace skerry::store
