#include "agent/runtime/worker_pool.h"

#include <pthread.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <latch>
#include <stdexcept>

#include <gtest/gtest.h>

#include "fixtures.h"

namespace skerry::runtime {
namespace {

TEST(WorkerPool, RunsTasksOnItsThreads) {
  tests::KeptTrace trace;
  WorkerPool pool("kernel", 3, 1000, trace.get());
  std::latch all(1000);
  for (int i = 0; i < 1000; ++i) {
    // The queue is as long as all tasks together.
    ASSERT_TRUE(pool.submit([&] { all.count_down(); }).has_value());
  }
  all.wait();
}

TEST(WorkerPool, RefusesWhatDoesNotFitItsQueue) {
  tests::KeptTrace trace;
  WorkerPool pool("kernel", 1, 1, trace.get());
  std::latch running(1);
  std::latch release(1);
  std::latch second_ran(1);
  ASSERT_TRUE(pool.submit([&] {
                    running.count_down();
                    release.wait();
                  })
                  .has_value());
  running.wait();
  ASSERT_TRUE(pool.submit([&] { second_ran.count_down(); }).has_value());
  EXPECT_EQ(pool.in_flight(), 2U);
  const Result<> refused = pool.submit([] { FAIL() << "ran although it was refused"; });
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(refused.error().reason(), "WORKERS_BUSY");
  EXPECT_TRUE(refused.error().retryable());
  release.count_down();
  second_ran.wait();
}

TEST(WorkerPool, NamesItsThreadsAndBlocksSignals) {
  tests::KeptTrace trace;
  WorkerPool pool("a-very-long-pool-name", 1, 1, trace.get());
  std::array<char, 16> name{};
  sigset_t mask{};
  std::latch done(1);
  ASSERT_TRUE(pool.submit([&] {
                    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                    done.count_down();
                  })
                  .has_value());
  done.wait();
  std::latch named(1);
  ASSERT_TRUE(pool.submit([&] {
                    ::pthread_getname_np(::pthread_self(), name.data(), name.size());
                    named.count_down();
                  })
                  .has_value());
  named.wait();
  EXPECT_STREQ(name.data(), "a-very-long-poo");
  EXPECT_EQ(::sigismember(&mask, SIGTERM), 1);
}

TEST(WorkerPool, SurvivesAnException) {
  tests::KeptTrace trace;
  std::latch done(1);
  {
    WorkerPool pool("kernel", 1, 2, trace.get());
    ASSERT_TRUE(pool.submit([] { throw std::runtime_error("library said no"); }).has_value());
    ASSERT_TRUE(pool.submit([&] { done.count_down(); }).has_value());
    done.wait();
  }
  EXPECT_NE(trace.text().find("library said no"), std::string::npos);
}

TEST(WorkerPool, ShutdownFinishesWhatRunsAndDropsWhatWaits) {
  tests::KeptTrace trace;
  WorkerPool pool("kernel", 1, 8, trace.get());
  std::latch running(1);
  std::atomic<bool> finished = false;
  std::atomic<bool> dropped_ran = false;
  const auto held = std::make_shared<int>(1);
  std::latch release(1);
  ASSERT_TRUE(pool.submit([&] {
                    running.count_down();
                    release.wait();
                    finished = true;
                  })
                  .has_value());
  running.wait();
  ASSERT_TRUE(pool.submit([&, held] { dropped_ran = true; }).has_value());
  std::thread releaser([&] {
    // Shutdown has emptied the queue, and with it the other owner, before it joins.
    while (held.use_count() > 1) std::this_thread::yield();
    release.count_down();
  });
  pool.shutdown();
  releaser.join();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(dropped_ran);
  EXPECT_EQ(pool.submit([] {}).error().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace skerry::runtime
