// Damage of every size: a record, a page, the header, the whole file.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "store_fixture.h"

namespace skerry::store {
namespace {

using tests::container;
using tests::StoreFixture;

constexpr std::size_t kPage = 4096;

void put(Store& store, const ContainerRow& row) {
  Transaction transaction = store.begin();
  transaction.put(row);
  ASSERT_TRUE(transaction.commit());
}

void overwrite(const std::filesystem::path& file, std::size_t offset, const std::string& bytes) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(fd);
  ASSERT_EQ(::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)),
            static_cast<ssize_t>(bytes.size()));
}

TEST(StoreDamage, QuarantinesOneRecordAndKeepsTheOthers) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  const ContainerRow good = container("good");
  const ContainerRow bad = container("bad", "abcdefgh");
  put(*f.store, good);
  put(*f.store, bad);
  ASSERT_TRUE(f.store->database().script(
      "UPDATE containers SET record = x'616263646566677a' WHERE id = 'bad'"));
  const auto loaded = *f.store->containers();
  EXPECT_EQ(loaded.rows, std::vector{good});
  ASSERT_EQ(loaded.bad.size(), 1U);
  EXPECT_EQ(loaded.bad[0].table, "containers");
  EXPECT_EQ(loaded.bad[0].key, bad.uid.str());
  EXPECT_TRUE(f.store->containers()->bad.empty());  // moved, so not reported again
  const auto quarantine = *f.store->quarantine();
  ASSERT_EQ(quarantine.size(), 1U);
  EXPECT_EQ(quarantine[0].key, bad.uid.str());
}

TEST(StoreDamage, FindsARecordUnderAnothersKey) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  put(*f.store, container("one"));
  ASSERT_TRUE(f.store->database().script("UPDATE containers SET id = 'two'"));
  EXPECT_EQ(f.store->containers()->bad.size(), 1U);
}

TEST(StoreDamage, QuarantinesAUidThatIsNone) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  put(*f.store, container("one"));
  ASSERT_TRUE(f.store->database().script("UPDATE containers SET uid = '../../etc'"));
  const auto loaded = *f.store->containers();
  EXPECT_TRUE(loaded.rows.empty());
  EXPECT_EQ(loaded.bad.size(), 1U);
}

TEST(StoreDamage, OwnersQuarantineWhatTheyCannotDecode) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  const ContainerRow row = container("one");
  put(*f.store, row);
  Transaction transaction = f.store->begin();
  transaction.put(ImageRow{.content_id = "sha256:1", .record = ""});
  transaction.quarantine_container(row.uid, "not a record of ours");
  transaction.quarantine_image("sha256:1", "w");
  ASSERT_TRUE(transaction.commit());
  EXPECT_TRUE(f.store->containers()->rows.empty());
  EXPECT_TRUE(f.store->images()->rows.empty());
  const auto quarantine = *f.store->quarantine();
  ASSERT_EQ(quarantine.size(), 2U);
  EXPECT_EQ(quarantine[0].why, "not a record of ours");
}

class DamagedFile : public testing::TestWithParam<std::pair<std::size_t, std::string>> {};

TEST_P(DamagedFile, IsMovedAsideForAFreshOne) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  const std::string agent = f.store->opening().agent_id;
  const std::uint64_t epoch = f.store->opening().epoch;
  for (int i = 0; i < 50; ++i) put(*f.store, container(std::to_string(i), std::string(3000, 'r')));
  ASSERT_TRUE(f.store->close_clean());
  f.store.reset();
  f.t.clock.advance(std::chrono::milliseconds(5));
  overwrite(f.dir.path() / "state.db", GetParam().first, GetParam().second);

  ASSERT_TRUE(f.open());
  ASSERT_TRUE(f.store->opening().moved_aside.has_value());
  EXPECT_TRUE(f.store->opening().fresh);
  EXPECT_GT(f.store->opening().epoch, epoch);
  EXPECT_NE(f.store->opening().agent_id, agent);
  EXPECT_TRUE(std::filesystem::exists(*f.store->opening().moved_aside));
  EXPECT_TRUE(f.store->opening().moved_aside->filename().string().starts_with("state.db.corrupt-"));
  EXPECT_NE(f.t.trace.text().find("moved aside"), std::string::npos);
  EXPECT_TRUE(f.store->containers()->rows.empty());
  put(*f.store, container("new"));
  ASSERT_TRUE(f.reopen());
  EXPECT_FALSE(f.store->opening().moved_aside.has_value());
  EXPECT_EQ(f.store->containers()->rows.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Store,
    DamagedFile,
    testing::Values(std::pair{0UL, std::string(100, '\xA5')},             // the magic
                    std::pair{0UL, std::string(8 * kPage, '\0')},         // a lost beginning
                    std::pair{3 * kPage, std::string(kPage, '\xFF')},     // one page
                    std::pair{2 * kPage, std::string(30 * kPage, 'g')}),  // many
    [](const auto& test) { return "Case" + std::to_string(test.index); });

TEST(StoreDamage, TruncatedFileIsMovedAside) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  for (int i = 0; i < 50; ++i) put(*f.store, container(std::to_string(i), std::string(3000, 'r')));
  ASSERT_TRUE(f.store->close_clean());
  f.store.reset();
  std::filesystem::resize_file(f.dir.path() / "state.db", 10 * kPage + 17);
  ASSERT_TRUE(f.open());
  EXPECT_TRUE(f.store->opening().moved_aside.has_value());
}

TEST(StoreDamage, GarbageInTheWalLosesTransactionsAndNothingElse) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  put(*f.store, container("kept"));
  ASSERT_TRUE(f.store->close_clean());
  f.store.reset();
  std::ofstream(f.dir.path() / "state.db-wal") << std::string(10000, 'w');
  ASSERT_TRUE(f.open());
  EXPECT_FALSE(f.store->opening().moved_aside.has_value());
  EXPECT_EQ(f.store->containers()->rows.size(), 1U);
}

TEST(StoreDamage, DeletedDatabaseIsMadeAnew) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  const std::uint64_t epoch = f.store->opening().epoch;
  put(*f.store, container("lost"));
  f.store.reset();
  f.t.clock.advance(std::chrono::milliseconds(5));
  std::filesystem::remove(f.dir.path() / "state.db");
  ASSERT_TRUE(f.open());
  EXPECT_TRUE(f.store->opening().fresh);
  EXPECT_GT(f.store->opening().epoch, epoch);
  EXPECT_TRUE(f.store->containers()->rows.empty());
}

TEST(StoreDamage, DirectoryInItsPlaceIsRefused) {
  StoreFixture f;
  std::filesystem::create_directory(f.dir.path() / "state.db");
  const Result<> opened = f.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason(), "STATE_FOREIGN");
}

TEST(StoreDamage, MetWhileRunningStopsWritesTellsAndIsMovedAsideNextTime) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  for (int i = 0; i < 50; ++i) put(*f.store, container(std::to_string(i), std::string(3000, 'r')));
  ASSERT_TRUE(f.store->close_clean());
  ASSERT_TRUE(f.reopen());
  // The cache holds no page beyond the schema yet, so the next write reads what is damaged here.
  ASSERT_TRUE(f.store->database().script("PRAGMA shrink_memory"));
  overwrite(f.dir.path() / "state.db", 3 * kPage, std::string(60 * kPage, 'g'));
  Result<> committed;
  {
    Transaction transaction = f.store->begin();
    transaction.put(container("1"));
    transaction.purge_tombstones(f.t.clock.wall());
    transaction.put(TombstoneRow{"t", "i", Uid::make(), {}});
    committed = transaction.commit();
  }
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code(), Code::kDataLoss);
  EXPECT_EQ(committed.error().reason(), "STATE_DAMAGED");
  EXPECT_FALSE(f.damage.has_value());
  f.t.reactor->turn();
  EXPECT_TRUE(f.damage.has_value());
  EXPECT_FALSE(f.store->begin().commit());
  ASSERT_TRUE(f.reopen());
  EXPECT_TRUE(f.store->opening().moved_aside.has_value());
  put(*f.store, container("new"));
  ASSERT_TRUE(f.reopen());
  EXPECT_FALSE(f.store->opening().moved_aside.has_value());
}

}  // namespace
}  // namespace skerry::store
