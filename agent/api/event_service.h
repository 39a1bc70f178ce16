// EventService: each watch is a subscription of the event log. The first few are written to by the
// reactor itself, which saves the wake-up of a thread (50 µs and more on an idle host); the others
// have a thread's turn now and then, so that many watchers do not hold the reactor up.
#pragma once

#include <atomic>

#include "agent/api/context.h"
#include "skerry/v1/event_service.grpc.pb.h"

namespace skerry::agent {

class EventServiceImpl final : public skerry::v1::EventService::CallbackService {
 public:
  explicit EventServiceImpl(ApiContext& context)
      : context_(context), threads_("events", kThreads, kQueue, context.trace) {}

  grpc::ServerWriteReactor<skerry::v1::WatchEventsResponse>* Watch(
      grpc::CallbackServerContext* call, const skerry::v1::WatchEventsRequest* request) override;

 private:
  // Events are told, also of workers that all hang: so not by those. A watch has one task at most.
  static constexpr std::size_t kThreads = 1;
  // A scheduler, a metrics collector, somebody at a terminal.
  static constexpr int kPromptPlaces = 4;
  static constexpr std::size_t kQueue = 2 * events::EventLog::kMaxSubscriptions;

  ApiContext& context_;
  runtime::WorkerPool threads_;
  std::atomic<int> prompt_places_ = kPromptPlaces;
};

}  // namespace skerry::agent
