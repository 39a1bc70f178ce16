#include "agent/runtime/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <fmt/format.h>

#include "base/check.h"

namespace skerry::runtime {
namespace {

using std::chrono::nanoseconds;

constexpr auto kSlowCallback = std::chrono::milliseconds(20);
constexpr std::size_t kEventsPerTurn = 256;
constexpr std::uint64_t kWakeupId = 0;
constexpr nanoseconds kForever = nanoseconds::max();

void wake(int event_fd) {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the reader is awake already; eventfd(2).
  if (::write(event_fd, &one, sizeof one) < 0) return;
}

void drain(int event_fd) {
  std::uint64_t count = 0;
  if (::read(event_fd, &count, sizeof count) < 0) return;
}

timespec to_timespec(nanoseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Result<std::unique_ptr<Reactor>> Reactor::create(const Clock& clock, Trace& trace) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return Error::from_errno(errno, "epoll_create1");
  UniqueFd wakeup(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wakeup) return Error::from_errno(errno, "eventfd");
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeupId}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wakeup.get(), &event) != 0) {
    return Error::from_errno(errno, "epoll_ctl eventfd");
  }
  return std::unique_ptr<Reactor>(new Reactor(clock, trace, std::move(epoll), std::move(wakeup)));
}

Reactor::Reactor(const Clock& clock, Trace& trace, UniqueFd epoll, UniqueFd wakeup)
    : clock_(clock), trace_(trace), epoll_(std::move(epoll)), wakeup_(std::move(wakeup)) {}

Reactor::~Reactor() {
  // What waits may hold registrations, and these call forget(): so it goes while all is in place.
  std::vector<NamedTask> unrun;
  {
    const MutexLock lock(mutex_);
    unrun.swap(posted_);
  }
  unrun.clear();
  turn_end_.clear();
  while (!timers_.empty()) {
    const NamedTask last = std::move(timers_.begin()->second);
    timer_times_.erase(timers_.begin()->first.second);
    timers_.erase(timers_.begin());
  }
}

void Reactor::post(Task task, std::source_location origin) {
  bool first = false;
  {
    const MutexLock lock(mutex_);
    first = posted_.empty();
    posted_.push_back({std::move(task), origin});
  }
  // One write for all that gathers until the reactor looks. The reactor itself looks before it
  // waits; a thread that merely is not yet the reactor must write.
  if (first && owner_.load() != std::this_thread::get_id()) wake(wakeup_.get());
}

Result<Watch> Reactor::watch(int fd,
                             std::uint32_t events,
                             Callback callback,
                             std::source_location origin) {
  CHECK(in_reactor());
  const std::uint64_t id = next_id_++;
  epoll_event event{.events = events, .data = {.u64 = id}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return Error::from_errno(errno, fmt::format("watch descriptor {}", fd));
  }
  watches_.emplace(id, std::make_shared<WatchEntry>(fd, std::move(callback), origin));
  return Watch(*this, id);
}

void Reactor::forget(const Watch& watch) {
  CHECK(in_reactor());
  const auto found = watches_.find(watch.id_);
  if (found == watches_.end()) return;
  const std::shared_ptr<WatchEntry> entry = found->second;
  watches_.erase(found);
  // EBADF would be a descriptor closed before its watch: against the contract, and harmless here.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry->fd, nullptr);
}

Timer Reactor::after(nanoseconds delay, Task callback, std::source_location origin) {
  CHECK(in_reactor());
  const std::uint64_t id = next_id_++;
  const SteadyTime due = clock_.steady() + std::max(delay, nanoseconds::zero());
  timers_.emplace(TimerKey{due, id}, NamedTask{std::move(callback), origin});
  timer_times_.emplace(id, due);
  return Timer(*this, id);
}

void Reactor::forget(const Timer& timer) {
  CHECK(in_reactor());
  const auto found = timer_times_.find(timer.id_);
  if (found == timer_times_.end()) return;
  const auto node = timers_.extract(TimerKey{found->second, timer.id_});
  timer_times_.erase(found);
}

void Reactor::on_turn_end(Task callback, std::source_location origin) {
  CHECK(in_reactor());
  turn_end_.push_back({std::move(callback), origin});
}

void Reactor::run() {
  owner_.store(std::this_thread::get_id());
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (stopping_) {
        stopping_ = false;
        break;
      }
    }
    turn_once(kForever);
  }
  owner_.store(std::thread::id{});
}

void Reactor::turn() { turn_once(nanoseconds::zero()); }

void Reactor::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake(wakeup_.get());
}

bool Reactor::in_reactor() const {
  const std::thread::id owner = owner_.load();
  return owner == std::thread::id{} || owner == std::this_thread::get_id();
}

nanoseconds Reactor::time_to_first_timer() const {
  if (timers_.empty()) return kForever;
  return std::max(timers_.begin()->first.first - clock_.steady(), nanoseconds::zero());
}

void Reactor::turn_once(nanoseconds longest_wait) {
  nanoseconds wait = std::min(longest_wait, time_to_first_timer());
  {
    const MutexLock lock(mutex_);
    if (!posted_.empty() || stopping_) wait = nanoseconds::zero();
  }
  std::array<epoll_event, kEventsPerTurn> events;
  const timespec timeout = to_timespec(wait == kForever ? nanoseconds::zero() : wait);
  const int count = ::epoll_pwait2(epoll_.get(),
                                   events.data(),
                                   static_cast<int>(events.size()),
                                   wait == kForever ? nullptr : &timeout,
                                   nullptr);
  CHECK(count >= 0 || errno == EINTR);

  std::vector<Ready> ready;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events.at(static_cast<std::size_t>(i));
    if (event.data.u64 == kWakeupId) {
      drain(wakeup_.get());
    } else {
      ready.push_back({.id = event.data.u64, .events = event.events});
    }
  }
  std::vector<NamedTask> tasks;
  {
    const MutexLock lock(mutex_);
    tasks.swap(posted_);
  }
  ran_something_ = false;
  run_ready(ready);
  run_timers();
  run_posted(std::move(tasks));
  if (!ran_something_) return;
  for (std::size_t i = 0; i < turn_end_.size(); ++i) {
    timed(turn_end_[i].origin, turn_end_[i].task);
  }
}

void Reactor::run_ready(const std::vector<Ready>& ready) {
  for (const Ready& one : ready) {
    const auto found = watches_.find(one.id);
    if (found == watches_.end()) continue;  // an earlier callback of this turn ended it
    // Held, because the callback may end its own watch.
    const std::shared_ptr<WatchEntry> entry = found->second;
    timed(entry->origin, [&] { entry->callback(one.events); });
  }
}

void Reactor::run_timers() {
  const SteadyTime now = clock_.steady();
  const std::uint64_t first_new = next_id_;
  while (!timers_.empty()) {
    const auto [due, id] = timers_.begin()->first;
    // Later ids are timers set by the callbacks below; sorted by time, they come last.
    if (due > now || id >= first_new) break;
    NamedTask timer = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    timer_times_.erase(id);
    timed(timer.origin, timer.task);
  }
}

void Reactor::run_posted(std::vector<NamedTask> tasks) {
  for (NamedTask& task : tasks) {
    timed(task.origin, task.task);
    task.task = nullptr;  // what it captured goes now, not after the whole batch
  }
}

template <class Run>
void Reactor::timed(const std::source_location& origin, Run&& run) {
  ran_something_ = true;
  const auto begin = std::chrono::steady_clock::now();
  run();
  const auto took = std::chrono::steady_clock::now() - begin;
  if (took <= kSlowCallback) return;
  trace_.warning(
      "slow callback held the reactor",
      {{"at", fmt::format("{}:{}", base_name(origin.file_name()), origin.line())},
       {"ms",
        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count())}});
}

}  // namespace skerry::runtime
