#include "agent/volumes/reactor_door.h"

#include <exception>

#include <fmt/format.h>

#include "agent/runtime/mutex.h"

namespace skerry::agent {
namespace {

struct Call {
  std::optional<Result<>> outcome;
  bool is_abandoned = false;
};

Error ending() {
  return Error(Code::kUnavailable, "the daemon is ending")
      .with_reason("DAEMON_STOPPING")
      .as_retryable();
}

}  // namespace

struct ReactorDoor::Shared {
  runtime::Mutex mutex;
  runtime::Condition changed;
  bool is_closed GUARDED_BY(mutex) = false;
};

ReactorDoor::ReactorDoor(runtime::Reactor& reactor, store::Store& store)
    : reactor_(reactor), store_(store), shared_(std::make_shared<Shared>()) {}

Result<> ReactorDoor::pass(std::function<void(const Done& done)> begin) {
  {
    const runtime::MutexLock lock(shared_->mutex);
    if (shared_->is_closed) return ending();
  }
  const auto call = std::make_shared<Call>();
  const Done done = [shared = shared_, call](Result<> outcome) {
    const runtime::MutexLock lock(shared->mutex);
    call->outcome = std::move(outcome);
    shared->changed.notify_all();
  };
  reactor_.post([shared = shared_, call, begin = std::move(begin), done] {
    {
      const runtime::MutexLock lock(shared->mutex);
      if (call->is_abandoned) return;
    }
    // Nobody abandons it between here and the end: the door is closed by this thread only.
    try {
      begin(done);
    } catch (const std::exception& thrown) {
      done(Error(Code::kInternal, fmt::format("exception: {}", thrown.what())));
    }
  });
  const runtime::MutexLock lock(shared_->mutex);
  while (!call->outcome && !shared_->is_closed) shared_->changed.wait(shared_->mutex);
  if (call->outcome) return std::move(*call->outcome);
  call->is_abandoned = true;
  return ending();
}

Result<> ReactorDoor::durable() {
  return pass([&store = store_](const Done& done) { store.durable(done); });
}

void ReactorDoor::close() {
  const runtime::MutexLock lock(shared_->mutex);
  shared_->is_closed = true;
  shared_->changed.notify_all();
}

}  // namespace skerry::agent
