#include "agent/runtime/worker_pool.h"

#include <pthread.h>

#include <exception>

#include <fmt/format.h>

#include "agent/runtime/blocked_signals.h"

namespace skerry::runtime {
namespace {

constexpr std::size_t kThreadNameLength = 15;  // pthread_setname_np(3)

}  // namespace

WorkerPool::WorkerPool(std::string name, std::size_t threads, std::size_t queue, Trace& trace)
    : name_(std::move(name)), queue_limit_(queue), trace_(trace) {
  const BlockedSignals blocked;
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
    const std::string thread_name = fmt::format("{}-{}", name_, i).substr(0, kThreadNameLength);
    ::pthread_setname_np(threads_.back().native_handle(), thread_name.c_str());
  }
}

WorkerPool::~WorkerPool() { shutdown(); }

Result<> WorkerPool::submit(Task task) {
  {
    const MutexLock lock(mutex_);
    if (ended_) {
      return Error(Code::kUnavailable, fmt::format("worker pool \"{}\" has ended", name_));
    }
    if (waiting_.size() >= queue_limit_) {
      return Error(Code::kResourceExhausted,
                   fmt::format("worker pool \"{}\": {} tasks are waiting", name_, waiting_.size()))
          .with_reason("WORKERS_BUSY")
          .as_retryable();
    }
    waiting_.push_back(std::move(task));
  }
  wake_.notify_one();
  return {};
}

std::size_t WorkerPool::in_flight() const {
  const MutexLock lock(mutex_);
  return waiting_.size() + running_;
}

void WorkerPool::shutdown() {
  std::deque<Task> unrun;
  {
    const MutexLock lock(mutex_);
    ended_ = true;
    unrun.swap(waiting_);
  }
  wake_.notify_all();
  unrun.clear();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::work() {
  for (;;) {
    Task task;
    {
      const MutexLock lock(mutex_);
      while (waiting_.empty() && !ended_) wake_.wait(mutex_);
      if (ended_) return;
      task = std::move(waiting_.front());
      waiting_.pop_front();
      ++running_;
    }
    try {
      task();
    } catch (const std::exception& thrown) {
      trace_.error(
          "exception in a worker task", Error(Code::kInternal, thrown.what()), {{"pool", name_}});
    }
    task = nullptr;
    const MutexLock lock(mutex_);
    --running_;
  }
}

}  // namespace skerry::runtime
