#include "agent/runtime/laned_pool.h"

#include <atomic>
#include <latch>
#include <stdexcept>

#include <gtest/gtest.h>

#include "fixtures.h"

namespace skerry::runtime {
namespace {

LanedPool::Options options(std::size_t threads, std::size_t queue, std::size_t width) {
  return {.name = "foreign", .threads = threads, .queue = queue, .lane_width = width};
}

// In all of these the pool comes after what its tasks use: its threads may still look at that while
// it ends.
TEST(LanedPool, AHungLaneDelaysOnlyItsOwn) {
  tests::KeptTrace trace;
  std::latch release(1);
  std::latch hung(2);
  std::atomic<int> hung_running = 0;
  std::latch all_hung_ran(10);
  LanedPool pool(options(3, 100, 2), trace.get());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(pool.submit(
        [&, i] {
          ++hung_running;
          if (i < 2) hung.count_down();
          release.wait();
          all_hung_ran.count_down();
        },
        {"hung"}));
  }
  hung.wait();
  // Eight of the hung lane wait in front of these, and one thread is left.
  std::latch others(20);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(pool.submit([&] { others.count_down(); }, {"other"}));
  }
  others.wait();
  EXPECT_EQ(hung_running, 2);
  release.count_down();
  all_hung_ran.wait();
}

TEST(LanedPool, KeepsTheOrderWithinALane) {
  tests::KeptTrace trace;
  std::string order;  // one at a time: the lane is its lock
  std::latch done(26);
  LanedPool pool(options(4, 100, 1), trace.get());
  for (char c = 'a'; c <= 'z'; ++c) {
    ASSERT_TRUE(pool.submit(
        [&, c] {
          order += c;
          done.count_down();
        },
        {"one"}));
  }
  done.wait();
  EXPECT_EQ(order, "abcdefghijklmnopqrstuvwxyz");
}

TEST(LanedPool, WhoWaitsForTwoLanesIsNotPassedInEither) {
  tests::KeptTrace trace;
  std::latch in_a(1);
  std::latch release(1);
  std::latch done(2);
  std::string order;
  LanedPool pool(options(4, 100, 1), trace.get());
  ASSERT_TRUE(pool.submit(
      [&] {
        in_a.count_down();
        release.wait();
      },
      {"a"}));
  in_a.wait();
  ASSERT_TRUE(pool.submit(
      [&] {
        order += "both ";
        done.count_down();
      },
      {"b", "a"}));
  ASSERT_TRUE(pool.submit(
      [&] {
        order += "b";
        done.count_down();
      },
      {"b"}));
  release.count_down();
  done.wait();
  EXPECT_EQ(order, "both b");
}

TEST(LanedPool, WhoIsStoppedWaitsForNoLane) {
  tests::KeptTrace trace;
  std::latch hung(1);
  std::latch release(1);
  std::latch ran(1);
  std::latch late(1);
  LanedPool pool(options(2, 100, 1), trace.get());
  ASSERT_TRUE(pool.submit(
      [&] {
        hung.count_down();
        release.wait();
      },
      {"hung"}));
  hung.wait();
  std::stop_source source;
  ASSERT_TRUE(pool.submit([&] { ran.count_down(); }, {"hung"}, source.get_token()));
  source.request_stop();
  ran.wait();
  // Of one that was stopped before, too.
  ASSERT_TRUE(pool.submit([&] { late.count_down(); }, {"hung"}, source.get_token()));
  late.wait();
  release.count_down();
}

TEST(LanedPool, ALaneNamedTwiceCountsOnce) {
  tests::KeptTrace trace;
  std::latch done(1);
  LanedPool pool(options(1, 1, 1), trace.get());
  ASSERT_TRUE(pool.submit([&] { done.count_down(); }, {"a", "b", "a"}));
  done.wait();
}

TEST(LanedPool, SurvivesAnExceptionAndGivesTheLaneBack) {
  tests::KeptTrace trace;
  {
    std::latch done(1);
    LanedPool pool(options(1, 10, 1), trace.get());
    ASSERT_TRUE(pool.submit([] { throw std::runtime_error("plugin library"); }, {"a"}));
    ASSERT_TRUE(pool.submit([&] { done.count_down(); }, {"a"}));
    done.wait();
  }
  EXPECT_NE(trace.text().find("plugin library"), std::string::npos);
}

TEST(LanedPool, RefusesWhatDoesNotFitAndWhatComesTooLate) {
  tests::KeptTrace trace;
  std::latch running(1);
  std::latch release(1);
  LanedPool pool(options(1, 1, 1), trace.get());
  ASSERT_TRUE(pool.submit(
      [&] {
        running.count_down();
        release.wait();
      },
      {"a"}));
  running.wait();
  ASSERT_TRUE(pool.submit([] {}, {"a"}));
  const Result<> refused = pool.submit([] { FAIL() << "ran although it was refused"; }, {"b"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "WORKERS_BUSY");
  EXPECT_TRUE(refused.error().retryable());
  EXPECT_EQ(pool.in_flight(), 2U);
  release.count_down();
  pool.shutdown();
  EXPECT_EQ(pool.submit([] {}, {}).error().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace skerry::runtime
