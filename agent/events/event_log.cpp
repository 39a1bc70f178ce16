#include "agent/events/event_log.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/check.h"

namespace skerry::events {
namespace {

// Old events go in batches, each in some transaction that appends: never many at once, never one at
// a time.
constexpr std::size_t kDropBatch = 128;
constexpr std::uint64_t kCountSlack = 128;

Error out_of_range(std::string_view reason, const Cursor& cursor, std::string_view why) {
  return Error(Code::kOutOfRange,
               fmt::format("cursor {}.{}: {}", cursor.epoch, cursor.sequence, why))
      .with_reason(reason);
}

}  // namespace

Result<std::unique_ptr<EventLog>> EventLog::open(store::Store& store,
                                                 runtime::Trace& trace,
                                                 const Clock& clock,
                                                 Retention retention) {
  TRY_ASSIGN(std::unique_ptr<store::StoreReader> reader, store.open_reader());
  std::unique_ptr<EventLog> log(new EventLog(store, trace, clock, retention, std::move(reader)));
  TRY(log->load());
  return log;
}

EventLog::EventLog(store::Store& store,
                   runtime::Trace& trace,
                   const Clock& clock,
                   Retention retention,
                   std::unique_ptr<store::StoreReader> reader)
    : store_(store),
      trace_(trace),
      clock_(clock),
      retention_(retention),
      backlog_(std::move(reader), kMaxSubscriptions, trace) {}

EventLog::~EventLog() {
  for (const auto& weak : subscriptions_) {
    if (const auto subscription = weak.lock()) {
      subscription->end(
          Error(Code::kUnavailable, "the daemon is stopping").with_reason("DAEMON_STOPPING"));
    }
  }
}

Result<> EventLog::load() {
  TRY_ASSIGN(const store::Store::EventBounds bounds, store_.event_bounds());
  head_ = bounds.head;
  first_ = bounds.first;
  total_bytes_ = bounds.total_bytes;
  for (const auto& [number, first] : bounds.epochs) epochs_.push_back({number, first});
  CHECK(!epochs_.empty());
  TRY_ASSIGN(const auto oldest, store_.oldest_events(1));
  if (oldest.empty()) {
    dropped_bytes_ = total_bytes_;
  } else {
    // The size of the oldest itself is not known; it counts as dropped, which errs by one event.
    dropped_bytes_ = oldest.front().total_bytes;
    first_time_ = oldest.front().time;
  }
  return {};
}

Cursor EventLog::append(store::Transaction& transaction, NewEvent event) {
  if (pending_.empty()) begin_batch(transaction);
  store::EventRow row{.epoch = epochs_.back().number,
                      .sequence = head_ + pending_.size() + 1,
                      .time = clock_.wall(),
                      .type = event.type,
                      .object = std::move(event.object),
                      .blob = std::move(event.blob)};
  pending_bytes_ += event_bytes(row);
  transaction.append_event(row, total_bytes_ + pending_bytes_);
  pending_.push_back(std::make_shared<const store::EventRow>(std::move(row)));
  return {.epoch = pending_.back()->epoch, .sequence = pending_.back()->sequence};
}

void EventLog::begin_batch(store::Transaction& transaction) {
  transaction.on_commit([this] { committed(); });
  transaction.on_rollback([this] {
    pending_.clear();
    pending_bytes_ = 0;
  });
  drop_old(transaction);
}

void EventLog::committed() {
  if (head_ < first_) first_time_ = pending_.front()->time;
  head_ = pending_.back()->sequence;
  total_bytes_ += std::exchange(pending_bytes_, 0);
  if (committed_.empty()) {
    store_.reactor().post([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) publish();
    });
  }
  std::ranges::move(pending_, std::back_inserter(committed_));
  pending_.clear();
}

void EventLog::publish() {
  const std::vector<EventPtr> events = std::exchange(committed_, {});
  std::erase_if(subscriptions_, [&](const std::weak_ptr<Subscription>& weak) {
    const auto subscription = weak.lock();
    if (!subscription) return true;
    for (const EventPtr& event : events) subscription->publish(event);
    return false;
  });
}

bool EventLog::over_bytes(std::uint64_t dropped_bytes) const {
  return total_bytes_ - dropped_bytes > retention_.bytes.value();
}

bool EventLog::over_count(std::uint64_t sequence, WallTime time) const {
  return head_ - sequence >= retention_.count && clock_.wall() - time > retention_.age;
}

void EventLog::drop_old(store::Transaction& transaction) {
  if (head_ < first_) return;
  const bool many = head_ - first_ >= kCountSlack && over_count(first_ + kCountSlack, first_time_);
  if (!over_bytes(dropped_bytes_) && !many) return;
  const auto oldest = store_.oldest_events(kDropBatch + 1);
  // Not being able to drop is no reason not to append.
  if (!oldest) return trace_.error("cannot drop old events", oldest.error());
  std::uint64_t dropped_bytes = dropped_bytes_;
  std::size_t count = 0;
  // The newest always stays: it tells where the numbers go on.
  while (count + 1 < oldest->size()) {
    const store::Store::EventMark& mark = oldest->at(count);
    if (!over_bytes(dropped_bytes) && !over_count(mark.sequence, mark.time)) break;
    dropped_bytes = mark.total_bytes;
    ++count;
  }
  if (count == 0) return;
  transaction.drop_events_through(oldest->at(count - 1).sequence);
  transaction.on_commit([this, dropped_bytes, next = oldest->at(count)] {
    dropped_bytes_ = dropped_bytes;
    first_ = next.sequence;
    first_time_ = next.time;
    const auto over = std::ranges::find_if(epochs_.rbegin(), epochs_.rend(), [&](const Epoch& e) {
      return e.first_sequence <= first_;
    });
    if (over != epochs_.rend()) epochs_.erase(epochs_.begin(), std::prev(over.base()));
  });
}

Cursor EventLog::head() const { return {.epoch = epochs_.back().number, .sequence = head_}; }

Cursor EventLog::oldest() const {
  for (auto epoch = epochs_.rbegin(); epoch != epochs_.rend(); ++epoch) {
    if (epoch->first_sequence <= first_) return {.epoch = epoch->number, .sequence = first_ - 1};
  }
  return {.epoch = epochs_.front().number, .sequence = epochs_.front().first_sequence - 1};
}

Result<> EventLog::check(const Cursor& since) const {
  const auto epoch = std::ranges::find(epochs_, since.epoch, &Epoch::number);
  if (epoch == epochs_.end()) {
    const bool older = since.epoch < epochs_.front().number && first_ > 1;
    return older ? out_of_range("CURSOR_TOO_OLD", since, "its epoch is no longer kept")
                 : out_of_range("CURSOR_UNKNOWN", since, "there is no such epoch");
  }
  const auto next = std::next(epoch);
  const std::uint64_t last = next == epochs_.end() ? head_ : next->first_sequence - 1;
  if (since.sequence > last || since.sequence + 1 < epoch->first_sequence) {
    return out_of_range("CURSOR_UNKNOWN", since, "that event never was in this epoch");
  }
  if (since.sequence + 1 < first_) {
    return out_of_range("CURSOR_TOO_OLD", since, "what follows it is no longer kept");
  }
  return {};
}

Result<std::shared_ptr<Subscription>> EventLog::subscribe(std::optional<Cursor> since,
                                                          std::function<void()> on_ready,
                                                          Bytes queue_limit) {
  if (since.has_value()) TRY(check(*since));
  std::erase_if(subscriptions_, [](const auto& weak) { return weak.expired(); });
  if (subscriptions_.size() >= kMaxSubscriptions) {
    return Error(Code::kResourceExhausted,
                 fmt::format("{} watches of events are open", subscriptions_.size()))
        .with_reason("TOO_MANY_WATCHES")
        .as_retryable();
  }
  auto subscription = std::make_shared<Subscription>(backlog_,
                                                     std::move(on_ready),
                                                     static_cast<std::size_t>(queue_limit.value()),
                                                     since.value_or(head()).sequence,
                                                     head_);
  subscriptions_.push_back(subscription);
  subscription->start();
  return subscription;
}

}  // namespace skerry::events
