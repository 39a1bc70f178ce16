// The standby processes that are ready now. A kind (the namespaces they are cloned into) is kept
// ready from the first launch that wanted it on, so a daemon that launches nothing keeps nothing.
//
// Making one competes with launches for processors and for the kernel's locks on mounts and
// cgroups, so what a launch took is replaced when launches pause; only below half of its size is
// the shelf filled at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/containers/standby.h"
#include "agent/operations/failpoint.h"
#include "agent/runtime/mutex.h"
#include "agent/runtime/reactor.h"
#include "agent/runtime/trace.h"
#include "agent/runtime/worker_pool.h"

namespace skerry::agent {

class StandbyShelf;

/// Whoever drops one that was not used has it ended. Thread: any.
struct StandbyEnder {
  std::weak_ptr<StandbyShelf> shelf;  // what the reactor has not run is dropped after the shelf
  void operator()(Standby* standby) const;
};
using StandbyPtr = std::unique_ptr<Standby, StandbyEnder>;

/// Thread: reactor, where nothing else is said.
class StandbyShelf final : public std::enable_shared_from_this<StandbyShelf> {
 public:
  struct Parts {
    runtime::Reactor& reactor;
    runtime::WorkerPool& workers;
    runtime::Trace& trace;
    const operations::FailpointRegistry& failpoints;
    Host& host;
  };
  /// `size`: how many of each kind; 0: none at all.
  StandbyShelf(Parts parts, std::size_t size);
  StandbyShelf(const StandbyShelf&) = delete;
  StandbyShelf& operator=(const StandbyShelf&) = delete;

  static void declare_failpoints(operations::FailpointRegistry& failpoints);

  /// One that waits, or null; best one with these layers mounted. Blocks: never.
  StandbyPtr take(const StandbyWish& wish);
  /// The next launch will probably be like this one: fills the shelf. Blocks: never.
  void expect(StandbyWish wish);
  /// Back onto the shelf, unused.
  void put_back(StandbyPtr standby);
  /// It is a container's now: nothing here knows its uid any more. Thread: any.
  void forget(const Uid& uid);

  /// Uids of all that were made and are not forgotten, so that none is taken for a leak.
  /// Thread: any.
  std::set<std::string> uids() const;

  /// Ends all; nothing is made any more. Blocks: kernel. Thread: main, when reactor and workers
  /// have stopped.
  void close();

 private:
  friend struct StandbyEnder;
  void on_pause(std::uint64_t namespaces);
  void refill(std::uint64_t namespaces);
  void make(const StandbyWish& wish, const Uid& uid);
  void collect(std::uint64_t namespaces, bool is_made);
  void discard(std::unique_ptr<Standby> standby);
  void end_unwanted();

  Parts parts_;
  std::size_t size_;
  bool closed_ = false;
  struct Kind {
    StandbyWish wish;  ///< the last launch's
    std::deque<std::unique_ptr<Standby>> ready;
    bool making = false;   ///< one at a time
    runtime::Timer pause;  ///< runs until launches pause
  };
  std::map<std::uint64_t, Kind> kinds_;  ///< by namespaces
  mutable runtime::Mutex mutex_;
  std::set<std::string> uids_ GUARDED_BY(mutex_);
  // Here and not on the way from thread to thread, so that close() finds them.
  std::vector<std::unique_ptr<Standby>> made_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Standby>> unwanted_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
