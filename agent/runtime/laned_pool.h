// A pool of threads for foreign code (plugins): what hangs there delays only those who use it.
//
// A task says whose code it will run, by names called lanes ("network/blue"). At most so many tasks
// of one lane run at once, the others of it wait in the order they came; those of other lanes pass
// them by. With more threads than the width of a few lanes, hung ones leave threads to the rest.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "agent/runtime/mutex.h"
#include "agent/runtime/reactor.h"
#include "agent/runtime/trace.h"
#include "base/result.h"

namespace skerry::runtime {

class LanedPool final {
 public:
  struct Options {
    std::string name;            ///< threads are named NAME-N (15 characters are kept)
    std::size_t threads = 32;    ///< at most; made when there is work for them
    std::size_t queue = 4096;    ///< tasks that may wait
    std::size_t lane_width = 4;  ///< tasks of one lane at once
  };
  LanedPool(Options options, Trace& trace);
  LanedPool(const LanedPool&) = delete;
  LanedPool& operator=(const LanedPool&) = delete;
  /// As shutdown().
  ~LanedPool();

  /// Runs `task` when each of its lanes has room. A task without a lane waits for a thread only. An
  /// exception out of a task is traced and the thread lives on. Once `stop` is requested it waits
  /// for no lane any more: it is to look at that first, and to end without foreign code. Errors:
  /// RESOURCE_EXHAUSTED, reason WORKERS_BUSY, retryable, when the queue is full; UNAVAILABLE after
  /// shutdown(). On error the task is destroyed unrun. Thread: any. Blocks: never.
  Result<> submit(Task task, std::vector<std::string> lanes, const std::stop_token& stop = {});

  /// Tasks that run or wait. Thread: any.
  std::size_t in_flight() const;

  /// As WorkerPool::shutdown().
  void shutdown();

 private:
  using OnStop = std::stop_callback<std::function<void()>>;
  struct Entry {
    Task task;
    std::vector<std::string> lanes;
    std::stop_token stop;
    // Destroyed without the mutex, for which it may be waiting.
    std::unique_ptr<OnStop> on_stop;
  };
  using Queue = std::deque<Entry>;

  void work();
  void stop_requested();
  bool has_room(const Entry& entry) const REQUIRES(mutex_);
  Queue::iterator first_runnable() REQUIRES(mutex_);
  Entry take(Queue::iterator which) REQUIRES(mutex_);
  void give_back(const Entry& entry) REQUIRES(mutex_);
  void add_thread_if_needed() REQUIRES(mutex_);
  void run(Task& task);

  const Options options_;
  Trace& trace_;
  mutable Mutex mutex_;
  Condition wake_;
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  Queue waiting_ GUARDED_BY(mutex_);
  std::map<std::string, std::size_t> running_in_ GUARDED_BY(mutex_);
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace skerry::runtime
