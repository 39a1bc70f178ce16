#include "agent/events/event_log.h"

#include <atomic>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "store_fixture.h"

namespace skerry::events {
namespace {

using tests::StoreFixture;

struct LogFixture : StoreFixture {
  std::atomic<int> calls = 0;
  Retention retention;
  std::unique_ptr<EventLog> log;  // its end calls the watchers

  Result<> start() {
    TRY(open());
    TRY_ASSIGN(log, EventLog::open(*store, t.trace.get(), t.clock, retention));
    return {};
  }
  Result<> restart(bool clean) {
    log.reset();
    if (clean) TRY(store->close_clean());
    store.reset();
    t.clock.advance(std::chrono::seconds(1));
    return start();
  }
  void append(int count, const std::string& blob = "blob") {
    for (int i = 0; i < count; ++i) {
      store::Transaction transaction = store->begin();
      log->append(transaction, {.type = 1, .object = "uid", .blob = blob});
      ASSERT_TRUE(transaction.commit());
    }
  }
  std::shared_ptr<Subscription> watch(std::optional<Cursor> since, Bytes limit = kMebibyte) {
    auto subscription = log->subscribe(
        since, [this] { ++calls; }, limit);
    return subscription ? *subscription : nullptr;
  }
  // Takes until `count` events came, or an end.
  std::vector<std::uint64_t> take(Subscription& subscription, std::size_t count) {
    std::vector<std::uint64_t> sequences;
    t.turn_until([&] {
      const Subscription::Batch batch = subscription.take(7);
      for (const EventPtr& event : batch.events) sequences.push_back(event->sequence);
      last_end = batch.end;
      return sequences.size() >= count || batch.end.has_value();
    });
    return sequences;
  }
  std::optional<Error> last_end;
};

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = first; i <= last; ++i) numbers.push_back(i);
  return numbers;
}

TEST(EventLog, PublishesAfterTheCommitInOrder) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  const auto watcher = f.watch(std::nullopt);
  EXPECT_TRUE(watcher->take(10).events.empty());
  store::Transaction transaction = f.store->begin();
  const Cursor first = f.log->append(transaction, {.type = 3, .object = "a", .blob = "x"});
  f.log->append(transaction, {.type = 4, .object = "b", .blob = "y"});
  EXPECT_EQ(f.log->head().sequence, 0U);
  ASSERT_TRUE(transaction.commit());
  EXPECT_EQ(f.log->head().sequence, 2U);
  EXPECT_EQ(f.calls, 0);
  f.t.reactor->turn();
  EXPECT_EQ(f.calls, 1);
  const auto batch = watcher->take(10);
  ASSERT_EQ(batch.events.size(), 2U);
  EXPECT_EQ(batch.events[0]->object, "a");
  EXPECT_EQ(batch.events[0]->sequence, first.sequence);
  EXPECT_EQ(batch.events[0]->epoch, first.epoch);
  EXPECT_EQ(batch.events[1]->type, 4U);
  EXPECT_EQ(batch.events[1]->blob, "y");
}

TEST(EventLog, PublishesAfterTheTurnThatMadeTheChangeHasEnded) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  int snapshot = 0;
  int seen_by_watcher = -1;
  f.t.reactor->on_turn_end([&] { ++snapshot; });
  const auto watcher = *f.log->subscribe(std::nullopt, [&] { seen_by_watcher = snapshot; });
  f.t.reactor->post([&] { f.append(1); });
  f.t.reactor->turn();
  EXPECT_EQ(seen_by_watcher, -1);
  f.t.reactor->turn();
  EXPECT_EQ(seen_by_watcher, 1);
}

TEST(EventLog, ForgetsARolledBackEventAndReusesItsNumber) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  const auto watcher = f.watch(std::nullopt);
  {
    store::Transaction transaction = f.store->begin();
    EXPECT_EQ(f.log->append(transaction, {.type = 1, .object = "a", .blob = "lost"}).sequence, 1U);
  }
  f.append(1, "kept");
  f.t.reactor->turn();
  const auto batch = watcher->take(10);
  ASSERT_EQ(batch.events.size(), 1U);
  EXPECT_EQ(batch.events[0]->blob, "kept");
  EXPECT_EQ(batch.events[0]->sequence, 1U);
}

TEST(EventLog, ReplaysSinceACursorAndGoesOn) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  f.append(30);
  const Cursor since{.epoch = f.log->head().epoch, .sequence = 10};
  const auto watcher = f.watch(since);
  f.append(5);
  EXPECT_EQ(f.take(*watcher, 25), range(11, 35));
  f.append(5);
  EXPECT_EQ(f.take(*watcher, 5), range(36, 40));
}

TEST(EventLog, KeepsTheEpochOverACleanEndAndBeginsOneAfterACrash) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  f.append(3);
  const Cursor before = f.log->head();
  ASSERT_TRUE(f.restart(true));
  EXPECT_EQ(f.log->head(), before);
  f.append(1);
  ASSERT_TRUE(f.restart(false));
  EXPECT_GT(f.log->head().epoch, before.epoch);
  EXPECT_EQ(f.log->head().sequence, 4U);
  f.append(2);
  // A cursor of the epoch before is good for what happened in it.
  const auto watcher = f.watch(Cursor{.epoch = before.epoch, .sequence = 2});
  ASSERT_NE(watcher, nullptr);
  EXPECT_EQ(f.take(*watcher, 4), range(3, 6));
}

TEST(EventLog, RefusesCursorsThatNeverWere) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  f.append(3);
  const Cursor old_head = f.log->head();
  ASSERT_TRUE(f.restart(false));
  f.append(3);
  const auto reason = [&](Cursor since) {
    const auto subscription = f.log->subscribe(since, [] {});
    if (subscription) return std::string();
    EXPECT_EQ(subscription.error().code(), Code::kOutOfRange);
    return subscription.error().reason();
  };
  const std::uint64_t epoch = f.log->head().epoch;
  EXPECT_EQ(reason({epoch, 7}), "CURSOR_UNKNOWN");
  EXPECT_EQ(reason({epoch, 2}), "CURSOR_UNKNOWN");
  // Published before a power cut, and lost in it: number 4 is another event now.
  EXPECT_EQ(reason({old_head.epoch, 4}), "CURSOR_UNKNOWN");
  EXPECT_EQ(reason({epoch + 1, 1}), "CURSOR_UNKNOWN");
  EXPECT_EQ(reason({0, 0}), "CURSOR_UNKNOWN");
  EXPECT_EQ(reason(f.log->oldest()), "");
  EXPECT_EQ(reason({old_head.epoch, 3}), "");
  EXPECT_EQ(reason({epoch, 3}), "");
  EXPECT_EQ(reason({epoch, ~0ULL}), "CURSOR_UNKNOWN");
}

TEST(EventLog, SlowWatcherReadsTheDatabaseAndMissesNothing) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  const auto slow = f.watch(std::nullopt, Bytes(4096));
  const auto quick = f.watch(std::nullopt);
  for (int i = 0; i < 10; ++i) {
    f.append(100, std::string(100, 'x'));
    f.t.reactor->turn();
    EXPECT_EQ(f.take(*quick, 100).size(), 100U);
  }
  EXPECT_EQ(f.take(*slow, 1000), range(1, 1000));
  f.append(3);
  EXPECT_EQ(f.take(*slow, 3), range(1001, 1003));
}

TEST(EventLog, TakesAnEventLargerThanTheQueue) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  const auto watcher = f.watch(std::nullopt, Bytes(100));
  f.append(3, std::string(5000, 'x'));
  EXPECT_EQ(f.take(*watcher, 3), range(1, 3));
}

TEST(EventLog, KeepsUntilOlderThanTheAgeAndBeyondTheCount) {
  LogFixture f;
  f.retention = {.age = std::chrono::hours(1), .count = 1000, .bytes = kMebibyte};
  ASSERT_TRUE(f.start());
  f.append(2000);
  EXPECT_EQ(f.log->oldest().sequence, 0U);  // beyond the count, and young
  f.t.clock.advance(std::chrono::hours(2));
  f.append(20);                               // each drops a batch
  EXPECT_EQ(f.log->oldest().sequence, 896U);  // by whole batches
  f.t.clock.advance(std::chrono::hours(2));
  f.append(100);
  EXPECT_GE(f.log->head().sequence - f.log->oldest().sequence, 1000U);  // old, and within
  const Cursor gone{.epoch = f.log->head().epoch, .sequence = 5};
  const auto refused = f.log->subscribe(gone, [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "CURSOR_TOO_OLD");
}

TEST(EventLog, DropsByBytesWhateverTheAge) {
  LogFixture f;
  f.retention = {.age = std::chrono::hours(1), .count = 1000, .bytes = Bytes(64UL * 1024)};
  ASSERT_TRUE(f.start());
  f.append(300, std::string(1000, 'x'));
  const std::uint64_t kept = f.log->head().sequence - f.log->oldest().sequence;
  EXPECT_LT(kept * 1000, 64U * 1024);
  EXPECT_GT(kept, 40U);
  const Cursor head = f.log->head();
  const Cursor oldest = f.log->oldest();
  ASSERT_TRUE(f.restart(true));
  EXPECT_EQ(f.log->head(), head);
  EXPECT_EQ(f.log->oldest(), oldest);
  f.append(100, std::string(1000, 'x'));
  EXPECT_LT((f.log->head().sequence - f.log->oldest().sequence) * 1000, 66U * 1024);
}

TEST(EventLog, ForgetsEpochsWithTheirEvents) {
  LogFixture f;
  f.retention = {.age = std::chrono::hours(1), .count = 10, .bytes = Bytes(16UL * 1024)};
  ASSERT_TRUE(f.start());
  f.append(5);
  const Cursor first = f.log->head();
  ASSERT_TRUE(f.restart(false));
  f.append(50, std::string(1000, 'x'));
  const auto refused = f.log->subscribe(first, [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "CURSOR_TOO_OLD");
  ASSERT_TRUE(f.restart(true));
  EXPECT_EQ(f.store->event_bounds()->epochs.size(), 1U);
}

TEST(EventLog, EndsAWatcherThatFellBehindRetention) {
  LogFixture f;
  f.retention = {.age = std::chrono::hours(1), .count = 10, .bytes = Bytes(16UL * 1024)};
  ASSERT_TRUE(f.start());
  const auto slow = f.watch(std::nullopt, Bytes(2000));
  f.append(200, std::string(500, 'x'));
  f.t.reactor->turn();
  const std::vector<std::uint64_t> got = f.take(*slow, 200);
  EXPECT_LT(got.size(), 200U);
  EXPECT_EQ(got, range(1, got.size()));  // in order as far as it went
  ASSERT_TRUE(f.last_end.has_value());
  EXPECT_EQ(f.last_end->code(), Code::kOutOfRange);
  EXPECT_EQ(f.last_end->reason(), "CURSOR_TOO_OLD");
}

TEST(EventLog, EndsAWatcherAtADamagedEvent) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  f.append(5);
  ASSERT_TRUE(f.store->database().script("UPDATE events SET blob = x'00' WHERE sequence = 3"));
  const auto watcher = f.watch(f.log->oldest());
  EXPECT_EQ(f.take(*watcher, 5), range(1, 2));
  if (!f.last_end.has_value()) f.take(*watcher, 1);
  ASSERT_TRUE(f.last_end.has_value());
  EXPECT_EQ(f.last_end->code(), Code::kOutOfRange);
  EXPECT_EQ(f.last_end->reason(), "EVENT_DAMAGED");
}

TEST(EventLog, EndsWatchersWhenTheDaemonStops) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  const auto watcher = f.watch(std::nullopt);
  EXPECT_FALSE(watcher->take(1).end.has_value());
  f.append(1);
  f.t.reactor->turn();
  f.log.reset();
  const auto batch = watcher->take(10);
  EXPECT_EQ(batch.events.size(), 1U);
  ASSERT_TRUE(batch.end.has_value());
  EXPECT_EQ(batch.end->code(), Code::kUnavailable);
}

TEST(EventLog, BoundsTheNumberOfWatchers) {
  LogFixture f;
  ASSERT_TRUE(f.start());
  std::vector<std::shared_ptr<Subscription>> all;
  for (std::size_t i = 0; i < EventLog::kMaxSubscriptions; ++i) all.push_back(f.watch({}));
  const auto refused = f.log->subscribe(std::nullopt, [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "TOO_MANY_WATCHES");
  all.pop_back();
  EXPECT_TRUE(f.log->subscribe(std::nullopt, [] {}));
}

// Watchers on threads of their own, one of them slow and leaving early, against a busy reactor.
TEST(EventLog, ServesManyThreads) {
  constexpr std::uint64_t kEvents = 3000;
  struct Watcher {
    std::shared_ptr<Subscription> subscription;
    std::atomic<int> ready = 0;
    std::vector<std::uint64_t> seen;
  };
  // Outlive the log: a call of on_ready that has begun may end after its watcher has left.
  std::vector<Watcher> watchers(4);
  LogFixture f;
  ASSERT_TRUE(f.start());
  for (Watcher& watcher : watchers) {
    watcher.subscription = *f.log->subscribe(
        std::nullopt,
        [&watcher] {
          ++watcher.ready;
          watcher.ready.notify_one();
        },
        Bytes(3000));
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < watchers.size(); ++i) {
    threads.emplace_back([&watcher = watchers[i], i] {
      while (watcher.seen.size() < (i == 0 ? 100 : kEvents)) {
        const int before = watcher.ready.load();
        const auto batch = watcher.subscription->take(i + 1);
        for (const EventPtr& event : batch.events) watcher.seen.push_back(event->sequence);
        if (batch.events.empty()) watcher.ready.wait(before);
      }
      watcher.subscription.reset();
    });
  }
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    f.append(1, std::string(i % 200, 'x'));
    f.t.reactor->turn();
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 1; i < watchers.size(); ++i) EXPECT_EQ(watchers[i].seen, range(1, kEvents));
}

}  // namespace
}  // namespace skerry::events
