#include "agent/runtime/laned_pool.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "agent/runtime/blocked_signals.h"

namespace skerry::runtime {
namespace {

constexpr std::size_t kThreadNameLength = 15;  // pthread_setname_np(3)

}  // namespace

LanedPool::LanedPool(Options options, Trace& trace) : options_(std::move(options)), trace_(trace) {}

LanedPool::~LanedPool() { shutdown(); }

Result<> LanedPool::submit(Task task, std::vector<std::string> lanes, const std::stop_token& stop) {
  // A lane named twice would wait for itself.
  std::ranges::sort(lanes);
  const auto repeats = std::ranges::unique(lanes);
  lanes.erase(repeats.begin(), repeats.end());
  Entry entry{.task = std::move(task), .lanes = std::move(lanes), .stop = stop, .on_stop = {}};
  if (stop.stop_possible()) {
    entry.on_stop = std::make_unique<OnStop>(stop, [this] { stop_requested(); });
  }
  {
    const MutexLock lock(mutex_);
    if (!ended_ && waiting_.size() < options_.queue) {
      waiting_.push_back(std::move(entry));
      add_thread_if_needed();
      wake_.notify_one();
      return {};
    }
    if (!ended_) {
      return Error(Code::kResourceExhausted,
                   fmt::format(
                       "worker pool \"{}\": {} tasks are waiting", options_.name, waiting_.size()))
          .with_reason("WORKERS_BUSY")
          .as_retryable();
    }
  }
  return Error(Code::kUnavailable, fmt::format("worker pool \"{}\" has ended", options_.name));
}

void LanedPool::stop_requested() {
  {
    const MutexLock lock(mutex_);
    add_thread_if_needed();
  }
  wake_.notify_one();
}

std::size_t LanedPool::in_flight() const {
  const MutexLock lock(mutex_);
  return waiting_.size() + running_;
}

void LanedPool::shutdown() {
  Queue unrun;
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    ended_ = true;
    unrun.swap(waiting_);
    threads.swap(threads_);
  }
  wake_.notify_all();
  unrun.clear();
  for (std::thread& thread : threads) thread.join();
}

bool LanedPool::has_room(const Entry& entry) const {
  for (const std::string& lane : entry.lanes) {
    const auto running = running_in_.find(lane);
    if (running != running_in_.end() && running->second >= options_.lane_width) return false;
  }
  return true;
}

// A task that waits for one of its lanes keeps later ones out of all of them: first come, first
// served in every lane.
LanedPool::Queue::iterator LanedPool::first_runnable() {
  std::set<std::string_view> blocked;
  auto entry = waiting_.begin();
  for (; entry != waiting_.end(); ++entry) {
    const bool passed = std::ranges::any_of(
        entry->lanes, [&](const std::string& lane) { return blocked.contains(lane); });
    if (entry->stop.stop_requested() || (!passed && has_room(*entry))) break;
    blocked.insert(entry->lanes.begin(), entry->lanes.end());
  }
  return entry;
}

LanedPool::Entry LanedPool::take(Queue::iterator which) {
  Entry entry = std::move(*which);
  waiting_.erase(which);
  if (entry.stop.stop_requested()) entry.lanes.clear();
  for (const std::string& lane : entry.lanes) ++running_in_[lane];
  ++running_;
  return entry;
}

void LanedPool::give_back(const Entry& entry) {
  for (const std::string& lane : entry.lanes) {
    const auto running = running_in_.find(lane);
    if (--running->second == 0) running_in_.erase(running);
  }
  --running_;
}

void LanedPool::add_thread_if_needed() {
  if (ended_ || idle_ > 0 || threads_.size() >= options_.threads) return;
  if (first_runnable() == waiting_.end()) return;
  const BlockedSignals blocked;
  threads_.emplace_back([this] { work(); });
  const std::string name =
      fmt::format("{}-{}", options_.name, threads_.size() - 1).substr(0, kThreadNameLength);
  ::pthread_setname_np(threads_.back().native_handle(), name.c_str());
}

void LanedPool::run(Task& task) {
  try {
    task();
  } catch (const std::exception& thrown) {
    trace_.error("exception in a worker task",
                 Error(Code::kInternal, thrown.what()),
                 {{"pool", options_.name}});
  }
  task = nullptr;
}

void LanedPool::work() {
  for (;;) {
    Entry entry;
    {
      const MutexLock lock(mutex_);
      auto next = first_runnable();
      while (next == waiting_.end() && !ended_) {
        ++idle_;
        wake_.wait(mutex_);
        --idle_;
        next = first_runnable();
      }
      if (ended_) return;
      entry = take(next);
      // One end may have made room for several.
      if (idle_ > 0 && first_runnable() != waiting_.end()) wake_.notify_one();
      add_thread_if_needed();
    }
    run(entry.task);
    const MutexLock lock(mutex_);
    give_back(entry);
  }
}

}  // namespace skerry::runtime
