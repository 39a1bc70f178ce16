// One call at a time for each volume: whoever calls a driver holds the volume's lane meanwhile, and
// the next one gets it in the order of asking. Volumes never wait for each other, and a volume
// whose driver hangs holds a bounded number of threads.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

class Lanes;

/// The right to call the driver for one volume; given back at its end. Outlived by its Lanes.
class Lane final {
 public:
  Lane(Lane&& other) noexcept
      : lanes_(std::exchange(other.lanes_, nullptr)), key_(std::move(other.key_)) {}
  Lane& operator=(Lane&&) = delete;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane();

 private:
  friend class Lanes;
  Lane(Lanes& lanes, VolumeKey key) : lanes_(&lanes), key_(std::move(key)) {}

  Lanes* lanes_;
  VolumeKey key_;
};

/// Thread: any.
class Lanes final {
 public:
  /// `max_waiting`: so many callers wait for one volume, further ones are refused at once.
  explicit Lanes(std::size_t max_waiting = 8) : max_waiting_(max_waiting) {}
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  /// Errors: DEADLINE_EXCEEDED (when the deadline passes first) and UNAVAILABLE (too many wait),
  /// both reason VOLUME_BUSY and retryable; CANCELLED, reason CALL_CANCELLED.
  /// Blocks: up to the deadline. Thread: worker.
  Result<Lane> enter(const VolumeKey& key, const CallLimits& limits);

 private:
  friend class Lane;
  /// Somebody's turn, told by an eventfd.
  struct Waiter {
    UniqueFd turn;
    bool has_turn = false;
  };
  /// Exists while somebody holds the lane.
  using Queue = std::deque<Waiter*>;

  Result<> wait_for_turn(const VolumeKey& key, Waiter& waiter, const CallLimits& limits);
  void leave(const VolumeKey& key);
  void pass_on(const VolumeKey& key);

  std::size_t max_waiting_;
  std::mutex mutex_;
  std::map<VolumeKey, Queue> queues_;
};

}  // namespace skerry::volumes
