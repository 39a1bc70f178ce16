#include "volumes/lanes.h"

#include <sys/eventfd.h>

#include <cerrno>

#include <fmt/format.h>

#include "volumes/waiting.h"

namespace skerry::volumes {
namespace {

Error busy(Code code, const VolumeKey& key, std::string_view why) {
  return Error(code, fmt::format("volume \"{}\" is busy: {}", key.str(), why))
      .with_reason("VOLUME_BUSY")
      .as_retryable();
}

}  // namespace

Lane::~Lane() {
  if (lanes_ != nullptr) lanes_->leave(key_);
}

Result<Lane> Lanes::enter(const VolumeKey& key, const CallLimits& limits) {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    const auto [queue, is_free] = queues_.try_emplace(key);
    if (is_free) return Lane(*this, key);
    if (queue->second.size() >= max_waiting_) {
      return busy(Code::kUnavailable, key, fmt::format("{} calls wait already", max_waiting_));
    }
    waiter.turn.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!waiter.turn) return Error::from_errno(errno, "make an eventfd");
    queue->second.push_back(&waiter);
  }
  TRY(wait_for_turn(key, waiter, limits));
  return Lane(*this, key);
}

Result<> Lanes::wait_for_turn(const VolumeKey& key, Waiter& waiter, const CallLimits& limits) {
  const auto waited = wait_readable(waiter.turn.get(), limits);
  const std::lock_guard lock(mutex_);
  if (waited && *waited == Wake::kReadable) return {};
  if (waiter.has_turn) {
    // The turn came while we gave up; the next one must not wait for us.
    pass_on(key);
  } else {
    std::erase(queues_.at(key), &waiter);
  }
  if (!waited) return waited.error();
  if (*waited == Wake::kCancelled) return cancelled(fmt::format("volume \"{}\"", key.str()));
  return busy(Code::kDeadlineExceeded, key, "an earlier call has not ended");
}

void Lanes::leave(const VolumeKey& key) {
  const std::lock_guard lock(mutex_);
  pass_on(key);
}

void Lanes::pass_on(const VolumeKey& key) {
  const auto queue = queues_.find(key);
  if (queue->second.empty()) {
    queues_.erase(queue);
    return;
  }
  Waiter* next = queue->second.front();
  queue->second.pop_front();
  next->has_turn = true;
  static_cast<void>(::eventfd_write(next->turn.get(), 1));
}

}  // namespace skerry::volumes
