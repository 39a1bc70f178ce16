// One watcher of the event log. It has a queue of bounded size; when that is full the watcher falls
// back to reading the database from its own position, on a thread kept for this, and joins the
// living again once it has caught up. It costs its queue and nobody else's time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "agent/runtime/mutex.h"
#include "agent/store/rows.h"
#include "base/result.h"

namespace skerry::events {

using EventPtr = std::shared_ptr<const store::EventRow>;  // shared by all queues it is in

/// What an event weighs, in queues and in the database.
inline std::size_t event_bytes(const store::EventRow& event) {
  return sizeof event + event.object.size() + event.blob.size();
}

class BacklogReader;

/// Thread: any, except where said.
class Subscription final : public std::enable_shared_from_this<Subscription> {
 public:
  /// For EventLog::subscribe(). `position`: everything up to it was seen; `head`: the newest event
  /// committed so far. `backlog` is borrowed until end().
  Subscription(BacklogReader& backlog,
               std::function<void()> on_ready,
               std::size_t queue_limit,
               std::uint64_t position,
               std::uint64_t head);

  struct Batch {
    std::vector<EventPtr> events;  ///< in order, none left out
    /// The subscription has ended and gives nothing any more. OUT_OF_RANGE (reason CURSOR_TOO_OLD:
    /// it fell behind retention; EVENT_DAMAGED: the next one is not readable): list again and watch
    /// from there. UNAVAILABLE: the daemon is stopping.
    std::optional<Error> end;
  };
  /// Takes what is ready, at most `max_events`. Empty with no end: wait for on_ready. Blocks:
  /// never.
  Batch take(std::size_t max_events);

  /// Begins to read what was missed, if anything was.
  void start();
  /// A committed event, in order. Thread: reactor.
  void publish(const EventPtr& event);
  /// Ends it, once what is queued was taken. The first reason stays.
  void end(Error error);

 private:
  friend class BacklogReader;
  /// The backlog reader's answer.
  void deliver(Result<std::vector<store::EventRow>> events);
  void read_more() REQUIRES(mutex_);
  void push(EventPtr event) REQUIRES(mutex_);
  void end_locked(Error error) REQUIRES(mutex_);
  bool take_waiting() REQUIRES(mutex_);

  const std::function<void()> on_ready_;
  const std::size_t queue_limit_;
  mutable runtime::Mutex mutex_;
  BacklogReader* backlog_ GUARDED_BY(mutex_);  // null once it has ended
  std::deque<EventPtr> queue_ GUARDED_BY(mutex_);
  std::size_t queued_bytes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t position_ GUARDED_BY(mutex_);  // newest that is or was in the queue
  std::uint64_t head_ GUARDED_BY(mutex_);      // newest there is
  bool behind_ GUARDED_BY(mutex_);             // the queue is fed by the backlog reader
  bool reading_ GUARDED_BY(mutex_) = false;
  bool waiting_ GUARDED_BY(mutex_) = true;  // take() came back empty: on_ready is owed
  std::optional<Error> end_ GUARDED_BY(mutex_);
};

}  // namespace skerry::events
