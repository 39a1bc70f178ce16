// A bounded pool of threads for blocking work: kernel work in one, plugins in another, so that a
// hung plugin starves nobody.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "agent/runtime/mutex.h"
#include "agent/runtime/reactor.h"
#include "agent/runtime/trace.h"
#include "base/result.h"

namespace skerry::runtime {

class WorkerPool final {
 public:
  /// Threads are named `name`-N (15 characters are kept) and have every signal blocked.
  /// `queue` bounds the tasks that wait for a thread.
  WorkerPool(std::string name, std::size_t threads, std::size_t queue, Trace& trace);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// As shutdown().
  ~WorkerPool();

  /// Runs `task` on one of the threads, first come first served. What a task has to say it posts
  /// to the reactor. An exception out of a task is traced and the thread lives on.
  /// Errors: RESOURCE_EXHAUSTED, reason WORKERS_BUSY, retryable, when the queue is full;
  /// UNAVAILABLE after shutdown(). On error the task is destroyed unrun.
  /// Thread: any. Blocks: never.
  Result<> submit(Task task);

  /// Tasks that run or wait. Thread: any.
  std::size_t in_flight() const;

  /// Takes no more, destroys what waits, unrun, and joins the threads as their tasks end: what an
  /// operation was doing is in the journal. Blocks: until the running tasks end. Idempotent.
  /// Thread: the one that made it.
  void shutdown();

 private:
  void work();

  const std::string name_;
  const std::size_t queue_limit_;
  Trace& trace_;
  std::vector<std::thread> threads_;
  mutable Mutex mutex_;
  Condition wake_;
  std::deque<Task> waiting_ GUARDED_BY(mutex_);
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace skerry::runtime
