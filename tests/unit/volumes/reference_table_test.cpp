#include "volumes/reference_table.h"

#include <gtest/gtest.h>

namespace skerry::volumes {
namespace {

using Need = ReferenceTable::Need;

const VolumeKey kData{"rclone", "data"};
const VolumeKey kOther{"local", "data"};
const Staged kStaged{"/mnt/data", true};

TEST(ReferenceTable, FirstConsumerStagesAndLastUnstages) {
  ReferenceTable table;
  EXPECT_EQ(table.acquire(kData, "a"), Need::kDriverCall);
  table.set_staged(kData, kStaged);
  EXPECT_EQ(table.acquire(kData, "b"), Need::kNothing);
  EXPECT_EQ(table.find(kData)->staged, kStaged);
  EXPECT_EQ(table.release(kData, "a"), Need::kNothing);
  EXPECT_EQ(table.release(kData, "b"), Need::kDriverCall);
  EXPECT_EQ(table.find(kData)->staged, kStaged) << "unstage needs the mountpoint";
  table.set_unstaged(kData);
  EXPECT_EQ(table.find(kData), nullptr);
  EXPECT_TRUE(table.rows().empty());
}

TEST(ReferenceTable, EveryCallMayBeRepeated) {
  ReferenceTable table;
  EXPECT_EQ(table.acquire(kData, "a"), Need::kDriverCall);
  EXPECT_EQ(table.acquire(kData, "a"), Need::kDriverCall) << "not staged yet";
  table.set_staged(kData, kStaged);
  EXPECT_EQ(table.acquire(kData, "a"), Need::kNothing);
  EXPECT_EQ(table.release(kData, "a"), Need::kDriverCall);
  EXPECT_EQ(table.release(kData, "a"), Need::kDriverCall) << "still owed";
  table.set_unstaged(kData);
  table.set_unstaged(kData);
  EXPECT_EQ(table.release(kData, "a"), Need::kNothing);
  EXPECT_EQ(table.release(kData, "never"), Need::kNothing);
}

TEST(ReferenceTable, FailedStageIsADebtWhenItsConsumerGoes) {
  ReferenceTable table;
  EXPECT_EQ(table.acquire(kData, "a"), Need::kDriverCall);
  EXPECT_TRUE(table.debts().empty());
  EXPECT_EQ(table.release(kData, "a"), Need::kDriverCall);
  EXPECT_EQ(table.debts(), std::vector<VolumeKey>{kData});
  table.set_unstaged(kData);
  EXPECT_TRUE(table.debts().empty());
}

TEST(ReferenceTable, FailedUnstageDoesNotLookStaged) {
  ReferenceTable table;
  EXPECT_EQ(table.acquire(kData, "a"), Need::kDriverCall);
  table.set_staged(kData, kStaged);
  EXPECT_EQ(table.release(kData, "a"), Need::kDriverCall);
  EXPECT_EQ(table.acquire(kData, "b"), Need::kDriverCall) << "may be half unmounted";
  EXPECT_TRUE(table.debts().empty()) << "its next consumer takes it over";
  table.set_staged(kData, kStaged);
  EXPECT_EQ(table.acquire(kData, "c"), Need::kNothing);
}

TEST(ReferenceTable, DriverThatLostAVolumeInUseStagesAgain) {
  ReferenceTable table;
  EXPECT_EQ(table.acquire(kData, "a"), Need::kDriverCall);
  table.set_staged(kData, kStaged);
  table.set_unstaged(kData);
  ASSERT_NE(table.find(kData), nullptr);
  EXPECT_TRUE(table.find(kData)->consumers.contains("a"));
  EXPECT_EQ(table.acquire(kData, "b"), Need::kDriverCall);
}

TEST(ReferenceTable, KnowsWhatAConsumerHolds) {
  ReferenceTable table;
  table.acquire(kData, "a");
  table.acquire(kOther, "a");
  table.acquire(kOther, "b");
  EXPECT_EQ(table.volumes_of("a"), (std::vector<VolumeKey>{kOther, kData}));
  EXPECT_EQ(table.volumes_of("b"), std::vector<VolumeKey>{kOther});
  EXPECT_TRUE(table.volumes_of("c").empty());
}

TEST(ReferenceTable, ComesBackFromItsRows) {
  ReferenceTable table;
  table.acquire(kData, "a");
  table.set_staged(kData, kStaged);
  table.acquire(kOther, "a");
  auto again = ReferenceTable::of(table.rows());
  EXPECT_EQ(again.rows(), table.rows());
  EXPECT_EQ(again.acquire(kData, "b"), Need::kNothing);
  EXPECT_EQ(again.acquire(kOther, "b"), Need::kDriverCall);
}

TEST(ReferenceTable, PutsBackWhatCouldNotBeJournaled) {
  ReferenceTable table;
  const VolumeKey key{.driver = "local", .name = "data"};
  ASSERT_EQ(table.acquire(key, "a"), ReferenceTable::Need::kDriverCall);
  const VolumeReferences before = *table.find(key);
  table.release(key, "a");
  table.set_unstaged(key);
  table.restore(key, before);
  EXPECT_EQ(*table.find(key), before);
  table.restore(key, std::nullopt);
  EXPECT_EQ(table.find(key), nullptr);
}

}  // namespace
}  // namespace skerry::volumes
