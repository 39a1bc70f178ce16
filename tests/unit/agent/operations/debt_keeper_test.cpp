#include "agent/operations/debt_keeper.h"

#include <stdexcept>

#include <gtest/gtest.h>

#include "store_fixture.h"

namespace skerry::operations {
namespace {

using namespace std::chrono_literals;
using tests::StoreFixture;

/// The time of day is set, by hand or by NTP; what has passed has passed.
class SetClock final : public Clock {
 public:
  explicit SetClock(const Clock& real) : real_(real) {}
  SteadyTime steady() const override { return real_.steady(); }
  WallTime wall() const override { return real_.wall() + jumped; }
  std::chrono::nanoseconds jumped{0};

 private:
  const Clock& real_;
};

struct DebtFixture : StoreFixture {
  SetClock set_clock{t.clock};
  std::unique_ptr<runtime::WorkerPool> workers;
  std::unique_ptr<DebtKeeper> keeper;
  std::atomic<int> tries = 0;
  std::atomic<bool> works = false;

  DebtFixture() {
    EXPECT_TRUE(open());
    make_keeper();
  }
  ~DebtFixture() {
    workers->shutdown();
    keeper.reset();
  }
  void make_keeper() {
    if (workers) workers->shutdown();
    keeper.reset();
    workers = std::make_unique<runtime::WorkerPool>("kernel", 2, 16, t.trace.get());
    keeper = std::make_unique<DebtKeeper>(
        DebtKeeper::Parts{*t.reactor, *workers, *store, t.trace.get(), set_clock});
    keeper->handle("address", [this](const Debt& debt) -> Result<> {
      EXPECT_EQ(debt.record, "record");
      const bool pays = works;
      ++tries;
      if (pays) return {};
      return Error(Code::kUnavailable, "plugin is away");
    });
  }
  Result<> add(const std::string& key, const std::string& kind = "address") {
    store::Transaction transaction = store->begin();
    keeper->add(transaction,
                {.kind = kind, .key = key, .object = "uid", .record = "record", .why = "undo"});
    return transaction.commit();
  }
  bool turn_until_tries(int count) {
    return t.turn_until([&] { return tries == count && workers->in_flight() == 0; }) &&
           (t.reactor->turn(), true);
  }
};

TEST(DebtBackoff, DoublesFromOneSecondToFiveMinutes) {
  EXPECT_EQ(debt_backoff(1, 0.5), 1s);
  EXPECT_EQ(debt_backoff(2, 0.5), 2s);
  EXPECT_EQ(debt_backoff(5, 0.5), 16s);
  EXPECT_EQ(debt_backoff(9, 0.5), 256s);
  EXPECT_EQ(debt_backoff(10, 0.5), 300s);
  EXPECT_EQ(debt_backoff(4'000'000'000, 0.5), 300s);
  EXPECT_EQ(debt_backoff(1, 0.0), 750ms);
  EXPECT_LT(debt_backoff(10, 0.999), 375s);
}

TEST(DebtKeeper, TriesAfterASecondAndThenLessOften) {
  DebtFixture f;
  ASSERT_TRUE(f.add("10.0.0.7"));
  f.t.reactor->turn();
  EXPECT_EQ(f.tries, 0);
  f.t.clock.advance(1s);
  ASSERT_TRUE(f.turn_until_tries(1));
  f.t.clock.advance(700ms);
  f.t.reactor->turn();
  EXPECT_EQ(f.tries, 1);
  f.t.clock.advance(600ms);  // 1.3 s after the first
  ASSERT_TRUE(f.turn_until_tries(2));
  const auto list = f.keeper->list();
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ(list->at(0).attempts, 2U);
  EXPECT_EQ(list->at(0).last_error, "plugin is away");
  EXPECT_GE(list->at(0).next_attempt, f.t.clock.wall() + 1500ms);
  EXPECT_EQ(f.store->debts()->rows, *list);
}

TEST(DebtKeeper, IsPaidSoonAfterTheTimeOfDayJumps) {
  for (const auto jump : {std::chrono::hours(-24), std::chrono::hours(24 * 365)}) {
    SCOPED_TRACE(jump.count());
    DebtFixture f;
    ASSERT_TRUE(f.add("10.0.0.7"));
    f.t.clock.advance(1s);
    ASSERT_TRUE(f.turn_until_tries(1));
    f.set_clock.jumped = jump;
    f.works = true;
    f.t.clock.advance(5min);
    ASSERT_TRUE(f.turn_until_tries(2));
    EXPECT_TRUE(f.keeper->list()->empty());
  }
}

// Neither is the backoff lost: one try, not one a turn.
TEST(DebtKeeper, KeepsItsBackoffWhenTheTimeOfDayJumps) {
  DebtFixture f;
  ASSERT_TRUE(f.add("10.0.0.7"));
  f.t.clock.advance(1s);
  ASSERT_TRUE(f.turn_until_tries(1));
  f.set_clock.jumped = -std::chrono::hours(24);
  f.t.clock.advance(5min);
  ASSERT_TRUE(f.turn_until_tries(2));
  f.t.clock.advance(1s);
  f.t.reactor->turn();
  EXPECT_EQ(f.tries, 2);
  f.t.clock.advance(2s);
  ASSERT_TRUE(f.turn_until_tries(3));
}

TEST(DebtKeeper, PaidDebtsVanish) {
  DebtFixture f;
  f.works = true;
  ASSERT_TRUE(f.add("10.0.0.7"));
  f.t.reactor->post([] {});
  f.t.reactor->turn();
  EXPECT_EQ(f.keeper->list()->size(), 1U);
  EXPECT_EQ(f.keeper->list()->at(0).last_error, "undo");
  f.t.clock.advance(1s);
  ASSERT_TRUE(f.turn_until_tries(1));
  EXPECT_TRUE(f.keeper->list()->empty());
  EXPECT_TRUE(f.store->debts()->rows.empty());
  f.t.clock.advance(1h);
  f.t.reactor->turn();
  EXPECT_EQ(f.tries, 1);
}

TEST(DebtKeeper, DebtsSurviveARestartAndAreDueThen) {
  DebtFixture f;
  ASSERT_TRUE(f.add("10.0.0.7"));
  f.t.clock.advance(1s);
  ASSERT_TRUE(f.turn_until_tries(1));
  f.works = true;
  f.keeper.reset();
  ASSERT_TRUE(f.reopen());
  f.make_keeper();
  ASSERT_TRUE(f.keeper->load());
  ASSERT_EQ(f.keeper->list()->size(), 1U);
  EXPECT_EQ(f.keeper->list()->at(0).attempts, 1U);
  ASSERT_TRUE(f.turn_until_tries(2));
  EXPECT_TRUE(f.keeper->list()->empty());
}

TEST(DebtKeeper, ForgetsWhatWasPaidByOtherMeans) {
  DebtFixture f;
  ASSERT_TRUE(f.add("10.0.0.7"));
  store::Transaction transaction = f.store->begin();
  f.keeper->forget(transaction, "address", "10.0.0.7");
  ASSERT_TRUE(transaction.commit());
  f.t.clock.advance(10s);
  f.t.reactor->turn();
  EXPECT_EQ(f.tries, 0);
  EXPECT_TRUE(f.store->debts()->rows.empty());
}

TEST(DebtKeeper, RolledBackDebtsWereNeverOwed) {
  DebtFixture f;
  {
    store::Transaction transaction = f.store->begin();
    f.keeper->add(transaction, {.kind = "address", .key = "k", .object = "u", .record = "record"});
  }
  f.t.clock.advance(10s);
  f.t.reactor->turn();
  EXPECT_EQ(f.tries, 0);
}

TEST(DebtKeeper, KeepsDebtsNobodyPaysAndShowsThem) {
  DebtFixture f;
  ASSERT_TRUE(f.add("q7", "quota"));
  f.t.clock.advance(10s);
  f.t.reactor->turn();
  f.keeper.reset();
  ASSERT_TRUE(f.reopen());
  f.make_keeper();
  ASSERT_TRUE(f.keeper->load());
  ASSERT_EQ(f.keeper->list()->size(), 1U);
  EXPECT_EQ(f.keeper->list()->at(0).last_error, "nobody pays debts of this kind");
}

TEST(DebtKeeper, TriesFewAtATimeAndAllInTheEnd) {
  DebtFixture f;
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  std::atomic<int> paid = 0;
  f.keeper->handle("slow", [&](const Debt&) -> Result<> {
    const int running = ++now;
    int seen = most;
    while (seen < running && !most.compare_exchange_weak(seen, running)) {
    }
    std::this_thread::yield();
    --now;
    ++paid;
    return {};
  });
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(f.add(std::to_string(i), "slow"));
  f.t.clock.advance(1s);
  ASSERT_TRUE(f.t.turn_until([&] { return paid == 20 && f.keeper->list()->empty(); }));
  EXPECT_LE(most, static_cast<int>(DebtKeeper::kMaxInFlight));
}

TEST(DebtKeeper, ADebtAddedDuringItsPaymentStays) {
  DebtFixture f;
  std::atomic<int> calls = 0;
  std::atomic<bool> release = false;
  f.keeper->handle("slow", [&](const Debt&) -> Result<> {
    ++calls;
    release.wait(false);
    return {};
  });
  ASSERT_TRUE(f.add("k", "slow"));
  f.t.clock.advance(1s);
  ASSERT_TRUE(f.t.turn_until([&] { return calls == 1; }));
  ASSERT_TRUE(f.add("k", "slow"));
  release = true;
  release.notify_all();
  ASSERT_TRUE(f.t.turn_until([&] { return f.workers->in_flight() == 0; }));
  f.t.reactor->turn();
  EXPECT_EQ(f.keeper->list()->size(), 1U);
  f.t.clock.advance(1s);
  ASSERT_TRUE(f.t.turn_until([&] { return f.keeper->list()->empty(); }));
  EXPECT_EQ(calls, 2);
}

TEST(DebtKeeper, AnExceptionIsAFailedTry) {
  DebtFixture f;
  f.keeper->handle("throws", [](const Debt&) -> Result<> { throw std::runtime_error("library"); });
  ASSERT_TRUE(f.add("k", "throws"));
  f.t.clock.advance(1s);
  ASSERT_TRUE(f.t.turn_until([&] {
    const auto list = f.keeper->list();
    return !list->empty() && list->front().attempts == 1;
  }));
  EXPECT_EQ(f.keeper->list()->at(0).last_error, "exception: library");
}

}  // namespace
}  // namespace skerry::operations
