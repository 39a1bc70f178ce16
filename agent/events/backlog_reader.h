// Reads old events for subscriptions that are behind, on one thread with a connection of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "agent/runtime/trace.h"
#include "agent/runtime/worker_pool.h"
#include "agent/store/reader.h"

namespace skerry::events {

class Subscription;

class BacklogReader final {
 public:
  /// `queue`: reads that may wait; a subscription has one at most.
  BacklogReader(std::unique_ptr<store::StoreReader> reader,
                std::size_t queue,
                runtime::Trace& trace);

  /// Reads the events after `after`, about `bytes` of them, and hands them to the subscription,
  /// if it still is. Errors: as WorkerPool::submit(). Thread: any. Blocks: never.
  Result<> read(const std::weak_ptr<Subscription>& subscription,
                std::uint64_t after,
                std::size_t bytes);

  /// No read begins after it. Blocks: until the running one ends.
  void stop() { worker_.shutdown(); }

 private:
  std::unique_ptr<store::StoreReader> reader_;  // the worker's
  runtime::WorkerPool worker_;
};

}  // namespace skerry::events
