#include "agent/operations/operation_table.h"

#include <gtest/gtest.h>

#include "fixtures.h"

namespace skerry::operations {
namespace {

TEST(OperationTable, TellsWhatIsInFlightAndSinceWhen) {
  tests::ManualClock clock;
  OperationTable table(clock);
  const WallTime begin = clock.wall();
  const auto cancel = std::make_shared<runtime::CancelToken>();
  auto first = std::make_unique<OperationTable::Entry>(table, "uid-1", "create", cancel);
  const OperationTable::Entry second(table, "uid-2", "stop", nullptr);
  EXPECT_EQ(table.snapshot().at(0).step, "queued");
  clock.advance(std::chrono::seconds(2));
  first->at_step("create.cgroup");
  cancel->cancel(Error(Code::kCancelled, "stop"));
  const auto both = table.snapshot();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].object, "uid-1");
  EXPECT_EQ(both[0].operation, "create");
  EXPECT_EQ(both[0].step, "create.cgroup");
  EXPECT_EQ(both[0].since, begin);
  EXPECT_EQ(both[0].step_since, begin + std::chrono::seconds(2));
  EXPECT_TRUE(both[0].cancelled);
  EXPECT_FALSE(both[1].cancelled);
  first.reset();
  ASSERT_EQ(table.snapshot().size(), 1U);
  EXPECT_EQ(table.snapshot()[0].object, "uid-2");
}

TEST(OperationTable, EntriesMayOutliveIt) {
  const tests::ManualClock clock;
  auto table = std::make_unique<OperationTable>(clock);
  OperationTable::Entry entry(*table, "uid-1", "create", nullptr);
  table.reset();
  entry.at_step("create.cgroup");
}

}  // namespace
}  // namespace skerry::operations
