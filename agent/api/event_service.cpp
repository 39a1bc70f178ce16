#include "agent/api/event_service.h"

#include <atomic>
#include <utility>

#include "agent/api/event_filter.h"
#include "agent/api/status.h"
#include "agent/runtime/mutex.h"

namespace skerry::agent {
namespace {

using skerry::v1::WatchEventsRequest;
using skerry::v1::WatchEventsResponse;

constexpr std::size_t kBatch = 256;

/// Whose turn it is: the watch is at work (subscribing, taking, writing, ending) or it waits, for
/// events or for its end. Shared with the subscription's callback, which may come after the end.
class Turn final {
 public:
  /// Something came. Whether the caller has the turn now; else whoever has it looks again.
  bool claim() {
    const runtime::MutexLock lock(mutex_);
    missed_ = !waiting_;
    return std::exchange(waiting_, false);
  }
  /// Gives the turn back; false when something came meanwhile: look again.
  bool give_back() {
    const runtime::MutexLock lock(mutex_);
    waiting_ = !std::exchange(missed_, false);
    return waiting_;
  }

 private:
  runtime::Mutex mutex_;
  bool waiting_ GUARDED_BY(mutex_) = false;
  bool missed_ GUARDED_BY(mutex_) = false;
};

class EventStream final : public grpc::ServerWriteReactor<WatchEventsResponse> {
 public:
  EventStream(ApiContext& context, runtime::WorkerPool& threads, std::atomic<int>& prompt_places)
      : context_(context),
        threads_(threads),
        prompt_places_(prompt_places),
        prompt_(prompt_places.fetch_sub(1) > 0) {}

  void begin(const WatchEventsRequest& request) {
    auto filter = EventFilter::make(request);
    if (!filter) return Finish(to_status(filter.error()));
    filter_.emplace(std::move(*filter));
    context_.reactor.post([this, request] { subscribe(request); });
  }

  // NOLINTBEGIN(readability-identifier-naming)
  void OnSendInitialMetadataDone(bool ok) override { go_on(ok); }
  void OnWriteDone(bool ok) override { go_on(ok); }
  void OnCancel() override {
    cancelled_ = true;
    if (turn_->claim()) Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    prompt_places_.fetch_add(1);
    delete this;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  // Thread: reactor.
  void subscribe(const WatchEventsRequest& request) {
    std::optional<events::Cursor> since;
    if (request.has_after()) {
      since = {.epoch = request.after().epoch(), .sequence = request.after().sequence()};
    } else if (request.has_since()) {
      since = context_.events.oldest();
    }
    auto subscribed = context_.events.subscribe(since, [this, turn = turn_] {
      if (turn->claim()) pass_on();
    });
    if (!subscribed) return Finish(to_status(subscribed.error()));
    subscription_ = std::move(*subscribed);
    const events::Cursor head = context_.events.head();
    if (request.history_only()) {
      last_ = head.sequence;
      if (since.value_or(head).sequence >= head.sequence) return Finish(grpc::Status::OK);
    }
    // From now on no event is missed, and the client may count on it.
    StartSendInitialMetadata();
  }

  // Thread: any that publishes, above all the reactor. A write never blocks: it is one non-blocking
  // sendmsg(2), or waits in gRPC for the reader, and then there is no further one.
  void pass_on() {
    if (prompt_) return give();
    const auto passed = threads_.submit([this] { give(); });
    if (!passed) Finish(to_status(passed.error()));
  }

  void go_on(bool ok) {
    if (!ok) cancelled_ = true;
    give();
  }

  // Thread: one of ours or gRPC's. Has the turn.
  void give() {
    for (;;) {
      if (cancelled_) return Finish(grpc::Status::CANCELLED);
      if (ended_) return Finish(grpc::Status::OK);
      const events::Subscription::Batch batch = subscription_->take(kBatch);
      response_.Clear();
      auto taken = fill(batch.events);
      if (!taken) return Finish(to_status(taken.error()));
      if (response_.events_size() > 0) return StartWrite(&response_);
      if (batch.end && !ended_) return Finish(to_status(*batch.end));
      if (batch.events.empty() && turn_->give_back()) return;
    }
  }

  Result<> fill(const std::vector<events::EventPtr>& events) {
    for (const events::EventPtr& row : events) {
      if (row->sequence > last_) {
        ended_ = true;
        return {};
      }
      TRY_ASSIGN(std::optional<skerry::v1::Event> event, filter_->take(*row));
      if (event) *response_.add_events() = std::move(*event);
      ended_ = row->sequence == last_;
    }
    return {};
  }

  ApiContext& context_;
  runtime::WorkerPool& threads_;
  std::atomic<int>& prompt_places_;
  const bool prompt_;
  std::optional<EventFilter> filter_;
  std::shared_ptr<events::Subscription> subscription_;
  std::uint64_t last_ = UINT64_MAX;  // with history_only: the newest when the call came
  bool ended_ = false;               // that one was given
  WatchEventsResponse response_;
  std::atomic<bool> cancelled_ = false;
  const std::shared_ptr<Turn> turn_ = std::make_shared<Turn>();
};

}  // namespace

grpc::ServerWriteReactor<WatchEventsResponse>* EventServiceImpl::Watch(
    grpc::CallbackServerContext*, const WatchEventsRequest* request) {
  auto* stream = new EventStream(context_, threads_, prompt_places_);
  stream->begin(*request);
  return stream;
}

}  // namespace skerry::agent
