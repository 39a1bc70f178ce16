// The reactor: the one thread that owns the tables and state machines, turned by epoll(7).
//
// A turn: wait → descriptors that are ready → timers that are due → tasks posted before the turn
// began, in the order of posting → turn-end callbacks. What a callback posts runs in the next turn,
// so neither descriptors nor timers starve.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <source_location>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/runtime/mutex.h"
#include "agent/runtime/trace.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::runtime {

using Task = std::move_only_function<void()>;

class Reactor;

/// A registration with the reactor, ended by its destruction (also from inside its own callback).
/// Thread: reactor (or any before run() and after it). The reactor outlives its handles.
template <class Tag>
class Registration final {
 public:
  Registration() = default;
  Registration(Registration&& other) noexcept
      : reactor_(std::exchange(other.reactor_, nullptr)), id_(other.id_) {}
  Registration& operator=(Registration&& other) noexcept {
    if (this != &other) {
      reset();
      reactor_ = std::exchange(other.reactor_, nullptr);
      id_ = other.id_;
    }
    return *this;
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() { reset(); }

  void reset();
  /// Holds a registration. A timer that has fired still counts until it is reset.
  explicit operator bool() const { return reactor_ != nullptr; }

 private:
  friend class Reactor;
  Registration(Reactor& reactor, std::uint64_t id) : reactor_(&reactor), id_(id) {}
  Reactor* reactor_ = nullptr;
  std::uint64_t id_ = 0;
};

using Watch = Registration<struct WatchTag>;
using Timer = Registration<struct TimerTag>;

class Reactor final {
 public:
  using Callback = std::move_only_function<void(std::uint32_t events)>;

  /// Errors: RESOURCE_EXHAUSTED (no descriptor left). `clock` and `trace` are borrowed for life;
  /// timers go by the clock's steady time.
  static Result<std::unique_ptr<Reactor>> create(const Clock& clock, Trace& trace);
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  /// Runs `task` in the next turn. Tasks of one thread run in the order they were posted. Tasks
  /// still waiting when run() returns are destroyed with the reactor, unrun.
  /// Thread: any. Blocks: never.
  void post(Task task, std::source_location origin = std::source_location::current());

  /// Calls `callback` with the ready events (EPOLLIN …) each turn in which there are some; level
  /// triggered unless `events` holds EPOLLET. `fd` is borrowed: destroy the Watch before closing
  /// it, and watch a descriptor once. EPOLLERR and EPOLLHUP are always reported.
  /// Errors: as epoll_ctl(2); EPERM for a regular file. Thread: reactor.
  Result<Watch> watch(int fd,
                      std::uint32_t events,
                      Callback callback,
                      std::source_location origin = std::source_location::current());

  /// Calls `callback` once, in the first turn that begins `delay` or more from now; 0 means the
  /// next turn. Not when the Timer is destroyed before. Thread: reactor.
  [[nodiscard]] Timer after(std::chrono::nanoseconds delay,
                            Task callback,
                            std::source_location origin = std::source_location::current());

  /// Calls `callback` at the end of every turn in which anything ran, in the order of
  /// registration, for the reactor's life: the place to publish a snapshot once for many changes.
  /// Thread: reactor.
  void on_turn_end(Task callback, std::source_location origin = std::source_location::current());

  /// Turns until stop(). The calling thread is the reactor thread from then on.
  void run();
  /// One turn that waits for nothing: what is ready runs. For tests with a clock of their own.
  void turn();
  /// Lets run() return at the end of its turn; a stop before run() makes it return at once.
  /// Thread: any.
  void stop();
  /// Whether the calling thread owns the tables: the one in run(), or any while none is.
  bool in_reactor() const;

 private:
  template <class Tag>
  friend class Registration;
  struct WatchEntry {
    int fd;
    Callback callback;
    std::source_location origin;
  };
  struct Ready {
    std::uint64_t id;
    std::uint32_t events;
  };
  struct NamedTask {
    Task task;
    std::source_location origin;
  };
  using TimerKey = std::pair<SteadyTime, std::uint64_t>;

  Reactor(const Clock& clock, Trace& trace, UniqueFd epoll, UniqueFd wakeup);
  void forget(const Watch& watch);
  void forget(const Timer& timer);
  void turn_once(std::chrono::nanoseconds longest_wait);
  std::chrono::nanoseconds time_to_first_timer() const;
  void run_ready(const std::vector<Ready>& ready);
  void run_timers();
  void run_posted(std::vector<NamedTask> tasks);
  template <class Run>
  void timed(const std::source_location& origin, Run&& run);

  const Clock& clock_;
  Trace& trace_;
  UniqueFd epoll_;
  UniqueFd wakeup_;
  std::atomic<std::thread::id> owner_;
  std::uint64_t next_id_ = 1;
  bool ran_something_ = false;
  std::unordered_map<std::uint64_t, std::shared_ptr<WatchEntry>> watches_;
  std::map<TimerKey, NamedTask> timers_;
  std::unordered_map<std::uint64_t, SteadyTime> timer_times_;
  std::vector<NamedTask> turn_end_;

  mutable Mutex mutex_;
  std::vector<NamedTask> posted_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
};

template <class Tag>
void Registration<Tag>::reset() {
  if (reactor_ != nullptr) reactor_->forget(*this);
  reactor_ = nullptr;
}

}  // namespace skerry::runtime
