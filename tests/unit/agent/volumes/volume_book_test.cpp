#include "agent/volumes/volume_book.h"

#include <gtest/gtest.h>

#include "store_fixture.h"

namespace skerry::agent {
namespace {

using volumes::Staged;
using volumes::VolumeKey;
using Need = volumes::ReferenceTable::Need;

const VolumeId kData{"default", "data"};
const VolumeKey kKey{.driver = "local", .name = "data"};
const Staged kStaged{.mountpoint = "/srv/data", .is_mount = true};

class Book : public testing::Test {
 protected:
  void SetUp() override { open("boot"); }

  void open(const std::string& boot_id) {
    book.reset();
    events.reset();
    store.store.reset();
    ASSERT_TRUE(store.open());
    auto log = events::EventLog::open(*store.store, store.t.trace.get(), store.t.clock, {});
    ASSERT_TRUE(log);
    events = std::move(*log);
    book.emplace(
        VolumeBook::Parts{*store.store, *events, store.t.trace.get(), store.t.clock, boot_id});
    ASSERT_TRUE(book->load());
  }

  std::vector<skerry::v1::EventType> told() {
    std::vector<skerry::v1::EventType> types;
    auto reader = store.store->open_reader();
    EXPECT_TRUE(reader);
    const auto rows = (*reader)->events_after(0, 100, 1U << 20U);
    EXPECT_TRUE(rows);
    for (const store::EventRow& row : *rows) {
      types.push_back(static_cast<skerry::v1::EventType>(row.type));
    }
    return types;
  }

  tests::StoreFixture store;
  std::unique_ptr<events::EventLog> events;
  std::optional<VolumeBook> book;
  const Uid one = Uid::make();
  const Uid two = Uid::make();
};

TEST_F(Book, TheFirstConsumerMakesARecordAndTheLastOneEndsTheUse) {
  const auto first = book->admit({.id = kData}, kKey, one);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_TRUE(first->is_fresh);
  EXPECT_TRUE(first->is_alone);
  EXPECT_FALSE(first->record.exists);
  EXPECT_EQ(first->need, Need::kDriverCall);
  ASSERT_TRUE(book->staged(kKey, kStaged));
  EXPECT_TRUE(book->find(kData)->exists);

  const auto second = book->admit({.id = kData}, kKey, two);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->need, Need::kNothing);
  EXPECT_EQ(second->staged, kStaged);
  EXPECT_FALSE(second->is_fresh);
  EXPECT_FALSE(second->is_alone);

  EXPECT_EQ(book->leave(kKey, one).value(), Need::kNothing);
  EXPECT_EQ(book->leave(kKey, two).value(), Need::kDriverCall);
  ASSERT_TRUE(book->unstaged(kKey));
  EXPECT_FALSE(book->references(kKey));
  EXPECT_EQ(book->leave(kKey, two).value(), Need::kNothing);
  EXPECT_EQ(told(),
            (std::vector{skerry::v1::EVENT_TYPE_VOLUME_CREATED,
                         skerry::v1::EVENT_TYPE_VOLUME_MOUNTED,
                         skerry::v1::EVENT_TYPE_VOLUME_UNMOUNTED}));
}

TEST_F(Book, RemembersEverythingOverAKill) {
  ASSERT_TRUE(
      book->admit({.id = kData, .driver = "local", .options = {{{"uid", "5"}}}}, kKey, one));
  ASSERT_TRUE(book->staged(kKey, kStaged));
  ASSERT_TRUE(book->admit({.id = {"blue", "x"}}, {.driver = "local", .name = "4.blue.x"}, two));
  const auto before = book->list();
  open("boot");
  const auto after = book->list();
  ASSERT_EQ(after.size(), 2U);
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i].record, before[i].record);
    EXPECT_EQ(after[i].references, before[i].references);
  }
  EXPECT_EQ(book->volumes_of(one), std::vector{kKey});
}

TEST_F(Book, BelievesNothingMountedAfterAReboot) {
  ASSERT_TRUE(book->admit({.id = kData}, kKey, one));
  ASSERT_TRUE(book->staged(kKey, kStaged));
  open("another boot");
  const auto references = book->references(kKey);
  ASSERT_TRUE(references);
  EXPECT_FALSE(references->certain);
  EXPECT_FALSE(references->staged);
  EXPECT_TRUE(references->consumers.contains(one.str()));
  EXPECT_EQ(book->admit({.id = kData}, kKey, two)->need, Need::kDriverCall);
}

TEST_F(Book, AWishHasToMatchWhatThereIs) {
  ASSERT_TRUE(book->intend({.id = kData, .options = {{{"uid", "5"}}}}, kKey));
  EXPECT_TRUE(book->match({.id = kData}));
  EXPECT_TRUE(book->match({.id = kData, .driver = "local", .options = {{{"uid", "5"}}}}));
  for (const VolumeWish& wish : {VolumeWish{.id = kData, .driver = "rclone"},
                                 VolumeWish{.id = kData, .options = {{{"uid", "6"}}}},
                                 VolumeWish{.id = kData, .options = volumes::VolumeOptions()}}) {
    EXPECT_EQ(book->match(wish).error().reason(), "VOLUME_DIFFERS");
    EXPECT_EQ(book->admit(wish, kKey, one).error().reason(), "VOLUME_DIFFERS");
  }
  // Made anew with another driver, between the look and the lane.
  const auto other = book->admit({.id = kData}, {.driver = "rclone", .name = "data"}, one);
  EXPECT_EQ(other.error().reason(), "VOLUME_CHANGED");
  EXPECT_FALSE(book->references(kKey));
}

TEST_F(Book, WhatCannotBeRecordedHasNotHappened) {
  ASSERT_TRUE(book->admit({.id = kData}, kKey, one));
  ASSERT_TRUE(book->staged(kKey, kStaged));
  const auto before = book->references(kKey);
  ASSERT_TRUE(store.store->close_clean());
  EXPECT_FALSE(book->leave(kKey, one));
  EXPECT_FALSE(book->admit({.id = {"default", "new"}}, {.driver = "local", .name = "new"}, one));
  EXPECT_FALSE(book->unstaged(kKey));
  EXPECT_FALSE(book->removed(kData));
  EXPECT_EQ(book->references(kKey), before);
  EXPECT_FALSE(book->find({"default", "new"}));
  EXPECT_TRUE(book->find(kData));
}

TEST_F(Book, ForgetsAVolumeThatWasNeverMade) {
  ASSERT_TRUE(book->intend({.id = kData}, kKey));
  ASSERT_TRUE(book->admit({.id = kData}, kKey, one));
  ASSERT_TRUE(book->drop_unmade(kData));
  EXPECT_TRUE(book->find(kData)) << "somebody uses it";
  ASSERT_TRUE(book->leave(kKey, one));
  ASSERT_TRUE(book->unstaged(kKey));
  ASSERT_TRUE(book->drop_unmade(kData));
  EXPECT_FALSE(book->find(kData));
  EXPECT_TRUE(told().empty());
}

TEST_F(Book, ARemovalIsBegunInDoubtAndEndsWithNothing) {
  ASSERT_TRUE(book->intend({.id = kData}, kKey));
  ASSERT_TRUE(book->made(kData));
  ASSERT_TRUE(book->doubt(kData));
  open("boot");
  EXPECT_FALSE(book->find(kData)->exists) << "its next user makes it again";
  ASSERT_TRUE(book->removed(kData));
  EXPECT_TRUE(book->list().empty());
  EXPECT_EQ(
      told(),
      (std::vector{skerry::v1::EVENT_TYPE_VOLUME_CREATED, skerry::v1::EVENT_TYPE_VOLUME_REMOVED}));
  open("boot");
  EXPECT_TRUE(book->list().empty());
}

TEST_F(Book, PutsADamagedRecordAside) {
  ASSERT_TRUE(book->intend({.id = kData}, kKey));
  {
    store::Transaction transaction = store.store->begin();
    transaction.put(store::ObjectRow{.kind = "volume", .key = "default/bad", .record = "?"});
    transaction.put(store::ObjectRow{.kind = "volume-references", .key = "a/b", .record = "{}"});
    transaction.put(store::ObjectRow{.kind = "pod", .key = "p", .record = "not ours"});
    ASSERT_TRUE(transaction.commit());
  }
  open("boot");
  EXPECT_EQ(book->list().size(), 1U);
  EXPECT_EQ(store.store->quarantine()->size(), 2U);
}

TEST_F(Book, RemembersADriversLastFailureUntilItWorks) {
  ASSERT_TRUE(book->intend({.id = kData}, kKey));
  EXPECT_FALSE(book->problem_of("local"));
  book->note(kKey, Error(Code::kUnknown, "no such device"));
  EXPECT_EQ(book->entry(kData)->problem, "no such device");
  EXPECT_TRUE(book->problem_of("local"));
  EXPECT_FALSE(book->problem_of("rclone"));
  book->note(kKey, {});
  EXPECT_EQ(book->list().front().problem, "");
}

}  // namespace
}  // namespace skerry::agent
