#include "images/layer_store.h"

#include <sys/stat.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "../os/temp_dir.h"
#include "fakes.h"

namespace skerry::images {
namespace {

namespace fs = std::filesystem;
using test::id_of;

class LayerStoreTest : public ::testing::Test {
 protected:
  LayerStoreTest() : store_(*LayerStore::open(temp_.fd())) {}

  StagedLayer stage(char digit = 'a') {
    unpacker_.content_id = id_of(digit);
    auto staged = store_.stage(unpacker_, {}, clock_);
    CHECK(staged.has_value());
    return *staged;
  }

  std::vector<std::string> entries() const {
    std::vector<std::string> out;
    for (const auto& each : fs::directory_iterator(temp_.at("layers")))
      out.push_back(each.path().filename());
    std::sort(out.begin(), out.end());
    return out;
  }

  os::test::TempDir temp_;
  LayerStore store_;
  test::FakeUnpacker unpacker_;
  test::FakeClock clock_;
};

TEST_F(LayerStoreTest, OnlyRootWalksIn) {
  ASSERT_EQ(::chmod(temp_.at("layers").c_str(), 0777), 0);
  ASSERT_TRUE(LayerStore::open(temp_.fd()));
  struct stat info {};
  ASSERT_EQ(::stat(temp_.at("layers").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(LayerStoreTest, AStagedTreeHasNoName) {
  const auto staged = stage();
  ASSERT_EQ(entries(), std::vector{staged.directory});
  EXPECT_TRUE(staged.directory.starts_with("tmp-"));
  EXPECT_TRUE(store_.list()->empty());
  EXPECT_FALSE(store_.open_tree(id_of('a')));
}

TEST_F(LayerStoreTest, CommitGivesTheTreeItsName) {
  EXPECT_TRUE(*store_.commit(stage()));
  const std::string name(64, 'a');
  EXPECT_EQ(entries(), std::vector{name});
  EXPECT_TRUE(temp_.exists("layers/" + name + "/fs/content"));
  EXPECT_TRUE(store_.open_tree(id_of('a')));
  const auto list = store_.list();
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ(list->front().size, Bytes(1));
  EXPECT_EQ(list->front().created, clock_.now);
}

TEST_F(LayerStoreTest, TheSameContentIsOneTree) {
  const auto first = stage();
  const auto second = stage();
  EXPECT_TRUE(*store_.commit(first));
  EXPECT_FALSE(*store_.commit(second));
  ASSERT_TRUE(store_.settle());
  EXPECT_EQ(entries(), std::vector{std::string(64, 'a')});
}

TEST_F(LayerStoreTest, AFailedUnpackLeavesNothing) {
  unpacker_.error = Error(Code::kInvalidArgument, "broken").with_reason("ARCHIVE_CORRUPT");
  const auto staged = store_.stage(unpacker_, {}, clock_);
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().reason(), "ARCHIVE_CORRUPT");
  EXPECT_TRUE(entries().empty());
}

TEST_F(LayerStoreTest, RetireAndSettleDelete) {
  ASSERT_TRUE(store_.commit(stage()));
  ASSERT_TRUE(store_.retire(id_of('a')));
  ASSERT_TRUE(store_.retire(id_of('a')));
  EXPECT_FALSE(store_.open_tree(id_of('a')));
  EXPECT_EQ(entries().size(), 1U);
  ASSERT_TRUE(store_.settle());
  EXPECT_TRUE(entries().empty());
}

TEST_F(LayerStoreTest, SettleLeavesImportsAlone) {
  const auto staged = stage();
  ASSERT_TRUE(store_.settle());
  EXPECT_TRUE(*store_.commit(staged));
}

TEST_F(LayerStoreTest, SweepDeletesWhatIsUnfinished) {
  ASSERT_TRUE(store_.commit(stage('a')));
  stage('b');
  ASSERT_TRUE(store_.discard(stage('c')));
  EXPECT_EQ(*store_.sweep(), 2U);
  EXPECT_EQ(entries(), std::vector{std::string(64, 'a')});
}

TEST_F(LayerStoreTest, ListsATreeWhoseAboutIsBroken) {
  ASSERT_TRUE(store_.commit(stage()));
  for (const std::string about : {"", "garbage", "[]", R"({"bytes":-1,"created_ns":"x"})"}) {
    temp_.file("layers/" + std::string(64, 'a') + "/about.json", about);
    const auto list = store_.list();
    ASSERT_EQ(list->size(), 1U) << about;
    EXPECT_EQ(list->front().size, Bytes(0)) << about;
  }
}

TEST_F(LayerStoreTest, ListsOnlyTrees) {
  temp_.dir("layers/lost+found");
  temp_.dir("layers/" + std::string(64, 'A'));
  EXPECT_TRUE(store_.list()->empty());
}

}  // namespace
}  // namespace skerry::images
