#include "agent/events/subscription.h"

#include <algorithm>
#include <utility>

#include "agent/events/backlog_reader.h"

namespace skerry::events {
namespace {

// What a watcher can act on: his cursor is of no use any more, whatever the reason.
Error as_end(const Error& error) {
  if (error.code() != Code::kDataLoss) return error;
  return Error(Code::kOutOfRange, error.message()).with_reason("EVENT_DAMAGED");
}

}  // namespace

Subscription::Subscription(BacklogReader& backlog,
                           std::function<void()> on_ready,
                           std::size_t queue_limit,
                           std::uint64_t position,
                           std::uint64_t head)
    : on_ready_(std::move(on_ready)),
      queue_limit_(queue_limit),
      backlog_(&backlog),
      position_(position),
      head_(head),
      behind_(position < head) {}

void Subscription::start() {
  const runtime::MutexLock lock(mutex_);
  read_more();
}

Subscription::Batch Subscription::take(std::size_t max_events) {
  Batch batch;
  const runtime::MutexLock lock(mutex_);
  while (!queue_.empty() && batch.events.size() < max_events) {
    queued_bytes_ -= event_bytes(*queue_.front());
    batch.events.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  read_more();
  if (queue_.empty()) batch.end = end_;
  waiting_ = batch.events.empty() && !batch.end.has_value();
  return batch;
}

void Subscription::publish(const EventPtr& event) {
  {
    const runtime::MutexLock lock(mutex_);
    head_ = std::max(head_, event->sequence);
    // Also one that was read from the database between its commit and this.
    if (end_.has_value() || behind_ || event->sequence <= position_) return;
    if (queued_bytes_ + event_bytes(*event) > queue_limit_ && !queue_.empty()) {
      behind_ = true;
      return;
    }
    push(event);
    if (!take_waiting()) return;
  }
  on_ready_();
}

void Subscription::end(Error error) {
  {
    const runtime::MutexLock lock(mutex_);
    end_locked(std::move(error));
    if (!take_waiting()) return;
  }
  on_ready_();
}

void Subscription::deliver(Result<std::vector<store::EventRow>> events) {
  {
    const runtime::MutexLock lock(mutex_);
    reading_ = false;
    if (end_.has_value()) return;
    if (!events) {
      end_locked(as_end(events.error()));
    } else if (events->empty()) {
      // There was something, and it is gone: retention took all of it.
      end_locked(Error(Code::kOutOfRange, "the events that follow are no longer kept")
                     .with_reason("CURSOR_TOO_OLD"));
    } else {
      for (store::EventRow& event : *events) {
        push(std::make_shared<const store::EventRow>(std::move(event)));
      }
      behind_ = position_ < head_;
      read_more();
    }
    if (!take_waiting()) return;
  }
  on_ready_();
}

void Subscription::read_more() {
  // By halves: a reader that takes one event at a time does not cause one read each.
  if (!behind_ || reading_ || end_.has_value() || queued_bytes_ > queue_limit_ / 2) return;
  const Result<> asked = backlog_->read(weak_from_this(), position_, queue_limit_ - queued_bytes_);
  if (!asked) {
    end_locked(asked.error());
    return;
  }
  reading_ = true;
}

void Subscription::push(EventPtr event) {
  position_ = event->sequence;
  queued_bytes_ += event_bytes(*event);
  queue_.push_back(std::move(event));
}

void Subscription::end_locked(Error error) {
  if (end_.has_value()) return;
  end_ = std::move(error);
  backlog_ = nullptr;
}

// Whether on_ready is owed now.
bool Subscription::take_waiting() {
  if (queue_.empty() && !end_.has_value()) return false;
  return std::exchange(waiting_, false);
}

}  // namespace skerry::events
