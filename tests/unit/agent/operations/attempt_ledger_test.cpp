#include "agent/operations/attempt_ledger.h"

#include <latch>
#include <thread>

#include <gtest/gtest.h>

namespace skerry::operations {
namespace {

TEST(AttemptLedger, ALaterAttemptIsNotTouchedByAnEarlierOnesDebt) {
  AttemptLedger ledger;
  const Uid uid = Uid::make();
  EXPECT_FALSE(ledger.is_superseded(uid, ""));
  ledger.begin(uid, "first");
  EXPECT_FALSE(ledger.is_superseded(uid, "first"));
  ledger.begin(uid, "second");
  EXPECT_TRUE(ledger.is_superseded(uid, "first"));
  EXPECT_TRUE(ledger.is_superseded(uid, ""));
  EXPECT_TRUE(ledger.is_held(uid));
  ledger.end(uid);
  EXPECT_FALSE(ledger.is_held(uid));
  EXPECT_FALSE(ledger.is_superseded(uid, "first"));
}

TEST(AttemptLedger, OneWorksOnAUidAtATime) {
  AttemptLedger ledger;
  const Uid uid = Uid::make();
  std::latch began(1);
  int order = 0;
  std::thread other;
  {
    const AttemptLedger::Turn turn = ledger.enter(uid);
    other = std::thread([&] {
      began.count_down();
      const AttemptLedger::Turn mine = ledger.enter(uid);
      EXPECT_EQ(order, 1);
    });
    began.wait();
    // Another uid does not wait.
    const AttemptLedger::Turn elsewhere = ledger.enter(Uid::make());
    order = 1;
  }
  other.join();
}

}  // namespace
}  // namespace skerry::operations
