#include "agent/containers/snapshot.h"

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

ViewPtr view(const Uid& uid, std::uint64_t ordinal) {
  auto made = std::make_shared<ContainerView>();
  made->ordinal = ordinal;
  made->container.set_uid(uid.str());
  return made;
}

TEST(SnapshotBoard, ShowsChangesOnlyOncePublished) {
  SnapshotBoard board;
  const Uid uid = Uid::make();
  board.change(uid, view(uid, 1));
  EXPECT_EQ(board.current()->size(), 0U);
  board.publish({.epoch = 1, .sequence = 5});
  ASSERT_NE(board.current()->find(uid.str()), nullptr);
  EXPECT_EQ(board.current()->cursor.sequence, 5U);
}

TEST(SnapshotBoard, OldSnapshotsStayAsTheyWere) {
  SnapshotBoard board;
  const Uid uid = Uid::make();
  board.change(uid, view(uid, 1));
  board.publish({.epoch = 1, .sequence = 1});
  const auto before = board.current();
  board.change(uid, nullptr);
  board.publish({.epoch = 1, .sequence = 2});
  EXPECT_NE(before->find(uid.str()), nullptr);
  EXPECT_EQ(board.current()->find(uid.str()), nullptr);
}

TEST(SnapshotBoard, LastChangeOfATurnWins) {
  SnapshotBoard board;
  const Uid uid = Uid::make();
  board.change(uid, view(uid, 1));
  board.change(uid, view(uid, 2));
  board.publish({.epoch = 1, .sequence = 1});
  EXPECT_EQ(board.current()->size(), 1U);
  EXPECT_EQ(board.current()->find(uid.str())->ordinal, 2U);
}

TEST(Snapshot, ListsInOrderOfAcceptance) {
  SnapshotBoard board;
  constexpr std::uint64_t kMany = 2000;
  for (std::uint64_t ordinal = kMany; ordinal > 0; --ordinal) {
    const Uid uid = Uid::make();
    board.change(uid, view(uid, ordinal));
  }
  board.publish({.epoch = 1, .sequence = 1});
  const auto all = board.current()->all();
  ASSERT_EQ(all.size(), kMany);
  for (std::uint64_t i = 0; i < kMany; ++i) ASSERT_EQ(all[i]->ordinal, i + 1);
}

TEST(Snapshot, FindsNothingUnderNonsense) {
  SnapshotBoard board;
  EXPECT_EQ(board.current()->find(""), nullptr);
  EXPECT_EQ(board.current()->find("../../etc"), nullptr);
  EXPECT_EQ(board.current()->find("\xff\xff"), nullptr);
}

}  // namespace
}  // namespace skerry::agent
