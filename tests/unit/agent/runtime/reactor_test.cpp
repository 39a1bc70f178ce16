#include "agent/runtime/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "fixtures.h"

namespace skerry::runtime {
namespace {

using std::chrono::milliseconds;
using tests::Turning;

UniqueFd ready_fd() { return UniqueFd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)); }

TEST(Reactor, RunsPostedTasksInOrder) {
  Turning t;
  std::vector<int> seen;
  for (int i = 0; i < 5; ++i) t.reactor->post([&seen, i] { seen.push_back(i); });
  t.reactor->turn();
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(Reactor, RunsWhatATaskPostsInTheNextTurn) {
  Turning t;
  int runs = 0;
  t.reactor->post([&] {
    ++runs;
    t.reactor->post([&] { ++runs; });
  });
  t.reactor->turn();
  EXPECT_EQ(runs, 1);
  t.reactor->turn();
  EXPECT_EQ(runs, 2);
}

TEST(Reactor, WakesForPostsOfOtherThreadsAndKeepsTheirOrder) {
  const SystemClock clock;
  tests::KeptTrace trace;
  const auto reactor = *Reactor::create(clock, trace.get());
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::vector<std::vector<int>> seen(kThreads);
  int total = 0;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        reactor->post([&, thread, i] {
          seen[static_cast<std::size_t>(thread)].push_back(i);
          if (++total == kThreads * kEach) reactor->stop();
        });
      }
    });
  }
  reactor->run();
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int>& of_one : seen) {
    ASSERT_EQ(of_one.size(), static_cast<std::size_t>(kEach));
    EXPECT_TRUE(std::is_sorted(of_one.begin(), of_one.end()));
  }
}

TEST(Reactor, KnowsItsThread) {
  const SystemClock clock;
  tests::KeptTrace trace;
  const auto reactor = *Reactor::create(clock, trace.get());
  EXPECT_TRUE(reactor->in_reactor());
  bool inside = false;
  bool outside = true;
  reactor->post([&] {
    inside = reactor->in_reactor();
    std::thread([&] { outside = reactor->in_reactor(); }).join();
    reactor->stop();
  });
  reactor->run();
  EXPECT_TRUE(inside);
  EXPECT_FALSE(outside);
}

TEST(Reactor, StopBeforeRunReturnsAtOnce) {
  const SystemClock clock;
  tests::KeptTrace trace;
  const auto reactor = *Reactor::create(clock, trace.get());
  reactor->stop();
  reactor->run();
}

TEST(Reactor, CallsTheWatchOfAReadyDescriptor) {
  Turning t;
  const UniqueFd fd = ready_fd();
  std::uint32_t events = 0;
  const Watch watch = *t.reactor->watch(fd.get(), EPOLLIN, [&](std::uint32_t e) { events = e; });
  t.reactor->turn();
  EXPECT_EQ(events, static_cast<std::uint32_t>(EPOLLIN));
}

TEST(Reactor, WatchMayEndItselfFromItsCallback) {
  Turning t;
  const UniqueFd fd = ready_fd();
  int calls = 0;
  Watch watch;
  const auto guard = std::make_shared<int>(7);
  watch = *t.reactor->watch(fd.get(), EPOLLIN, [&, guard](std::uint32_t) {
    watch.reset();
    calls += *guard;  // the captures are still there
  });
  t.reactor->turn();
  t.reactor->turn();
  EXPECT_EQ(calls, 7);
  EXPECT_EQ(guard.use_count(), 1);
}

TEST(Reactor, WatchEndedByAnotherCallbackOfTheTurnIsNotCalled) {
  Turning t;
  const UniqueFd one = ready_fd();
  const UniqueFd two = ready_fd();
  std::vector<Watch> watches(2);
  int calls = 0;
  const auto end_both = [&](std::uint32_t) {
    ++calls;
    watches.clear();
  };
  watches[0] = *t.reactor->watch(one.get(), EPOLLIN, end_both);
  watches[1] = *t.reactor->watch(two.get(), EPOLLIN, end_both);
  t.reactor->turn();
  EXPECT_EQ(calls, 1);
}

TEST(Reactor, RefusesToWatchARegularFile) {
  Turning t;
  std::FILE* file = std::tmpfile();
  const Result<Watch> watch = t.reactor->watch(::fileno(file), EPOLLIN, [](std::uint32_t) {});
  ASSERT_FALSE(watch.has_value());
  EXPECT_EQ(watch.error().sys_errno(), EPERM);
  std::fclose(file);
}

TEST(Reactor, FiresTimersInOrderOfTimeWhenDue) {
  Turning t;
  std::string fired;
  const Timer late = t.reactor->after(milliseconds(20), [&] { fired += "late "; });
  const Timer early = t.reactor->after(milliseconds(10), [&] { fired += "early "; });
  t.reactor->turn();
  EXPECT_EQ(fired, "");
  t.clock.advance(milliseconds(10));
  t.reactor->turn();
  EXPECT_EQ(fired, "early ");
  t.clock.advance(milliseconds(10));
  t.reactor->turn();
  t.reactor->turn();
  EXPECT_EQ(fired, "early late ");
}

TEST(Reactor, DestroyedTimerDoesNotFire) {
  Turning t;
  bool fired = false;
  Timer timer = t.reactor->after(milliseconds(1), [&] { fired = true; });
  timer.reset();
  t.clock.advance(milliseconds(5));
  t.reactor->turn();
  EXPECT_FALSE(fired);
}

TEST(Reactor, TimerSetByATimerWaitsForTheNextTurn) {
  Turning t;
  int fired = 0;
  Timer second;
  const Timer first = t.reactor->after(milliseconds(0), [&] {
    ++fired;
    second = t.reactor->after(milliseconds(0), [&] { ++fired; });
  });
  t.reactor->turn();
  EXPECT_EQ(fired, 1);
  t.reactor->turn();
  EXPECT_EQ(fired, 2);
}

TEST(Reactor, WaitsForATimerByTheClock) {
  const SystemClock clock;
  tests::KeptTrace trace;
  const auto reactor = *Reactor::create(clock, trace.get());
  const auto begin = std::chrono::steady_clock::now();
  const Timer timer = reactor->after(milliseconds(15), [&] { reactor->stop(); });
  reactor->run();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(15));
}

TEST(Reactor, EndsATurnOnceAndOnlyWhenSomethingRan) {
  Turning t;
  int ends = 0;
  t.reactor->on_turn_end([&] { ++ends; });
  t.reactor->turn();
  EXPECT_EQ(ends, 0);
  t.reactor->post([] {});
  t.reactor->post([] {});
  t.reactor->turn();
  EXPECT_EQ(ends, 1);
}

TEST(Reactor, TracesACallbackThatHeldIt) {
  Turning t;
  t.reactor->post([] {
    const auto end = std::chrono::steady_clock::now() + milliseconds(25);
    while (std::chrono::steady_clock::now() < end) {
    }
  });
  t.reactor->turn();
  EXPECT_NE(t.trace.text().find("slow callback held the reactor at=reactor_test.cpp:"),
            std::string::npos);
}

TEST(Reactor, DestroysUnrunTasksThatHoldRegistrations) {
  Turning t;
  const UniqueFd fd = ready_fd();
  const auto held =
      std::make_shared<Watch>(*t.reactor->watch(fd.get(), EPOLLIN, [](std::uint32_t) {}));
  t.reactor->post([moved = std::move(*held)] {});
  Timer outer = t.reactor->after(milliseconds(1), [] {});
  t.reactor->post([moved = std::move(outer)] {});
  t.reactor.reset();
}

}  // namespace
}  // namespace skerry::runtime
