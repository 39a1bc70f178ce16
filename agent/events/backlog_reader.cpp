#include "agent/events/backlog_reader.h"

#include <utility>

#include "agent/events/subscription.h"

namespace skerry::events {
namespace {

constexpr std::size_t kEventsPerRead = 512;

}  // namespace

BacklogReader::BacklogReader(std::unique_ptr<store::StoreReader> reader,
                             std::size_t queue,
                             runtime::Trace& trace)
    : reader_(std::move(reader)), worker_("events", 1, queue, trace) {}

Result<> BacklogReader::read(const std::weak_ptr<Subscription>& subscription,
                             std::uint64_t after,
                             std::size_t bytes) {
  return worker_.submit([this, subscription, after, bytes] {
    // Held during the read only, so that a watcher who left does not wait for the disk.
    if (subscription.expired()) return;
    auto events = reader_->events_after(after, kEventsPerRead, bytes);
    if (const auto still = subscription.lock()) still->deliver(std::move(events));
  });
}

}  // namespace skerry::events
