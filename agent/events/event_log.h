// The event log: every state change, in order, at least once, to everyone who watches.
//
// An event is appended in the transaction of the change it tells of, and published when that
// transaction has committed. A cursor is {epoch, sequence}: the sequence grows by one from event to
// event for ever; an epoch begins at every start that follows an unclean end, because a power cut
// may have taken events that were already published. A cursor is good while its epoch is known, its
// sequence happened in that epoch, and the event after it is kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/events/backlog_reader.h"
#include "agent/events/subscription.h"
#include "agent/runtime/reactor.h"
#include "agent/store/store.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"

namespace skerry::events {

/// An event is dropped when it is older than `age` and not among the newest `count`; and, whatever
/// these say, the oldest are dropped when all together take more than `bytes`.
struct Retention {
  std::chrono::seconds age = std::chrono::days(7);
  std::uint64_t count = 100'000;
  Bytes bytes{256ULL * 1024 * 1024};
};

/// Where a watcher stands: it has seen everything up to here.
struct Cursor {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;  ///< 0: before the first event
  bool operator==(const Cursor&) const = default;
};

struct NewEvent {
  std::uint32_t type = 0;  ///< the API's number
  std::string object;      ///< uid
  std::string blob;        ///< the API's message
};

/// Thread: reactor.
class EventLog final {
 public:
  /// Errors: as reading the store.
  static Result<std::unique_ptr<EventLog>> open(store::Store& store,
                                                runtime::Trace& trace,
                                                const Clock& clock,
                                                Retention retention);
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  /// Ends every subscription: UNAVAILABLE, reason DAEMON_STOPPING.
  ~EventLog();

  /// Appends to the transaction; returns the cursor the event will have. Forgotten with a
  /// rollback; published in the turn after the commit, so that a watcher who is told of a change
  /// finds it in the snapshot that the turn of the change published at its end. Drops what
  /// retention lets go in the same transaction.
  Cursor append(store::Transaction& transaction, NewEvent event);

  /// The cursor of the newest committed event: what a snapshot made now is true at.
  Cursor head() const;
  /// The oldest cursor that can still be watched from.
  Cursor oldest() const;

  /// Watches everything after `since`; absent: everything from now on. `on_ready` is called when
  /// take() has something to give after it had nothing: from any thread, shortly, and never inside
  /// take(). The subscription ends with its destruction, on any thread.
  /// Errors: OUT_OF_RANGE (reason CURSOR_UNKNOWN, CURSOR_TOO_OLD); RESOURCE_EXHAUSTED, reason
  /// TOO_MANY_WATCHES, at kMaxSubscriptions.
  Result<std::shared_ptr<Subscription>> subscribe(std::optional<Cursor> since,
                                                  std::function<void()> on_ready,
                                                  Bytes queue_limit = Bytes(1024ULL * 1024));

  /// One that lags costs up to 3 MiB: its queue, and its own copy of what it reads from the store.
  static constexpr std::size_t kMaxSubscriptions = 128;

 private:
  struct Epoch {
    std::uint64_t number;
    std::uint64_t first_sequence;
  };
  EventLog(store::Store& store,
           runtime::Trace& trace,
           const Clock& clock,
           Retention retention,
           std::unique_ptr<store::StoreReader> reader);
  Result<> load();
  Result<> check(const Cursor& since) const;
  void begin_batch(store::Transaction& transaction);
  void committed();
  void publish();
  bool over_bytes(std::uint64_t dropped_bytes) const;
  bool over_count(std::uint64_t sequence, WallTime time) const;
  void drop_old(store::Transaction& transaction);

  store::Store& store_;
  runtime::Trace& trace_;
  const Clock& clock_;
  const Retention retention_;
  std::uint64_t head_ = 0;           // newest committed sequence
  std::uint64_t total_bytes_ = 0;    // of all events ever committed
  std::uint64_t first_ = 1;          // oldest kept sequence
  std::uint64_t dropped_bytes_ = 0;  // of all events dropped
  WallTime first_time_;
  std::vector<Epoch> epochs_;      // oldest first; the last one is ours
  std::vector<EventPtr> pending_;  // appended, not yet committed
  std::uint64_t pending_bytes_ = 0;
  std::vector<EventPtr> committed_;  // not yet published
  std::vector<std::weak_ptr<Subscription>> subscriptions_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for what is posted
  BacklogReader backlog_;
};

}  // namespace skerry::events
