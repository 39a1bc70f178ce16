#include "images/image_store.h"

#include <gtest/gtest.h>

#include "../os/temp_dir.h"
#include "fakes.h"

namespace skerry::images {
namespace {

using test::id_of;

bool nobody(const ContentId&) { return false; }
bool somebody(const ContentId&) { return true; }

class ImageStoreTest : public ::testing::Test {
 protected:
  ImageStoreTest() : layers_(*LayerStore::open(temp_.fd())), store_(layers_, catalog_) {}

  Result<Image> import(const ContentId& id, const std::string& name = "") {
    unpacker_.content_id = id;
    TRY_ASSIGN(const auto staged, layers_.stage(unpacker_, {}, clock_));
    std::optional<ImageName> parsed;
    if (!name.empty()) parsed = *parse_image_name(name);
    return store_.commit(staged, parsed);
  }

  bool has_tree(const ContentId& id) const {
    return temp_.exists("layers/" + id.hex() + "/fs/content");
  }

  std::string reason_of(std::string_view reference) const {
    const auto found = store_.find(reference);
    return found ? "found" : found.error().reason();
  }

  os::test::TempDir temp_;
  LayerStore layers_;
  test::FakeCatalog catalog_;
  test::FakeUnpacker unpacker_;
  test::FakeClock clock_;
  ImageStore store_;
};

TEST_F(ImageStoreTest, AnImportIsAnImage) {
  const auto image = import(id_of('a'), "busybox");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->names, std::vector<std::string>{"busybox:latest"});
  EXPECT_EQ(image->size, Bytes(1));
  EXPECT_EQ(image->created, clock_.now);
  EXPECT_EQ(image->config, ImageConfig{});
  EXPECT_EQ(catalog_.records.at(id_of('a')), *image);
  EXPECT_EQ(store_.list(), std::vector{*image});
}

TEST_F(ImageStoreTest, TheSameContentGathersNames) {
  ASSERT_TRUE(import(id_of('a'), "b"));
  clock_.now += std::chrono::hours(1);
  const auto image = import(id_of('a'), "a:1");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->names, (std::vector<std::string>{"a:1", "b:latest"}));
  EXPECT_EQ(image->created, clock_.now - std::chrono::hours(1));
  EXPECT_EQ(import(id_of('a'), "b")->names, image->names);
  EXPECT_EQ(store_.list().size(), 1U);
}

TEST_F(ImageStoreTest, ANameMovesToNewContent) {
  ASSERT_TRUE(import(id_of('a'), "app"));
  ASSERT_TRUE(import(id_of('b'), "app"));
  EXPECT_EQ(store_.find("app")->content_id, id_of('b'));
  EXPECT_TRUE(store_.find(id_of('a').hex())->names.empty());
  EXPECT_TRUE(catalog_.records.at(id_of('a')).names.empty());
}

TEST_F(ImageStoreTest, FindsByNameIdAndDigits) {
  ASSERT_TRUE(import(id_of('a'), "team/app:1"));
  for (const std::string& reference : {std::string("team/app:1"),
                                       id_of('a').hex(),
                                       "sha256:" + id_of('a').hex(),
                                       std::string("aaaa"),
                                       std::string("sha256:aaaa")})
    EXPECT_EQ(reason_of(reference), "found") << reference;
  EXPECT_EQ(reason_of("team/app"), "IMAGE_NOT_FOUND");
  EXPECT_EQ(reason_of("aaa"), "IMAGE_NOT_FOUND");
  EXPECT_EQ(reason_of("aaab"), "IMAGE_NOT_FOUND");
  EXPECT_EQ(reason_of("sha256:aaa"), "IMAGE_ID_INVALID");
  EXPECT_EQ(reason_of("No Name"), "IMAGE_NAME_INVALID");
}

TEST_F(ImageStoreTest, ANameOfDigitsIsAName) {
  ASSERT_TRUE(import(id_of('a'), "bbbb"));
  ASSERT_TRUE(import(id_of('b'), "other"));
  EXPECT_EQ(store_.find("bbbb")->content_id, id_of('a'));
  EXPECT_EQ(store_.find("sha256:bbbb")->content_id, id_of('b'));
}

TEST_F(ImageStoreTest, DigitsThatFitTwoAreRefused) {
  ASSERT_TRUE(import(*ContentId::parse("abcd" + std::string(60, '1'))));
  ASSERT_TRUE(import(*ContentId::parse("abcd" + std::string(60, '2'))));
  EXPECT_EQ(reason_of("abcd"), "IMAGE_AMBIGUOUS");
  EXPECT_EQ(reason_of("abcd1"), "found");
}

TEST_F(ImageStoreTest, RemovingOneOfTwoNamesKeepsTheContent) {
  ASSERT_TRUE(import(id_of('a'), "one"));
  ASSERT_TRUE(import(id_of('a'), "two"));
  const auto removal = store_.remove("one", somebody);
  ASSERT_TRUE(removal);
  EXPECT_EQ(removal->names, std::vector<std::string>{"one:latest"});
  EXPECT_FALSE(removal->content_id);
  EXPECT_TRUE(has_tree(id_of('a')));
  EXPECT_EQ(reason_of("one"), "IMAGE_NOT_FOUND");
  EXPECT_EQ(reason_of("two"), "found");
}

TEST_F(ImageStoreTest, RemovingTheLastNameTakesTheContent) {
  ASSERT_TRUE(import(id_of('a'), "one"));
  const auto removal = store_.remove("one", nobody);
  ASSERT_TRUE(removal);
  EXPECT_EQ(removal->content_id, id_of('a'));
  EXPECT_FALSE(has_tree(id_of('a')));
  EXPECT_TRUE(catalog_.records.empty());
  EXPECT_EQ(store_.remove("one", nobody).error().reason(), "IMAGE_NOT_FOUND");
}

TEST_F(ImageStoreTest, RemovingByIdTakesAllNames) {
  ASSERT_TRUE(import(id_of('a'), "one"));
  ASSERT_TRUE(import(id_of('a'), "two"));
  const auto removal = store_.remove("aaaa", nobody);
  ASSERT_TRUE(removal);
  EXPECT_EQ(removal->names.size(), 2U);
  EXPECT_EQ(reason_of("two"), "IMAGE_NOT_FOUND");
}

TEST_F(ImageStoreTest, ContentInUseStays) {
  ASSERT_TRUE(import(id_of('a'), "one"));
  for (const auto* reference : {"one", "aaaa"}) {
    const auto removal = store_.remove(reference, somebody);
    ASSERT_FALSE(removal);
    EXPECT_EQ(removal.error().reason(), "IMAGE_IN_USE");
    EXPECT_EQ(removal.error().code(), Code::kFailedPrecondition);
  }
  EXPECT_TRUE(has_tree(id_of('a')));
  EXPECT_EQ(reason_of("one"), "found");
}

TEST_F(ImageStoreTest, ImportAfterRemoveIsThereAgain) {
  ASSERT_TRUE(import(id_of('a'), "one"));
  unpacker_.content_id = id_of('a');
  const auto staged = layers_.stage(unpacker_, {}, clock_);
  ASSERT_TRUE(store_.remove("one", nobody));
  ASSERT_TRUE(store_.commit(*staged, parse_image_name("one").value()));
  ASSERT_TRUE(layers_.settle());
  EXPECT_TRUE(has_tree(id_of('a')));
}

TEST_F(ImageStoreTest, ADatabaseFailureLeavesNoTree) {
  catalog_.fails = true;
  EXPECT_FALSE(import(id_of('a'), "one"));
  EXPECT_FALSE(has_tree(id_of('a')));
  EXPECT_TRUE(store_.list().empty());
  catalog_.fails = false;
  EXPECT_TRUE(import(id_of('a'), "one"));
}

TEST_F(ImageStoreTest, ADatabaseFailureKeepsWhatWasThere) {
  ASSERT_TRUE(import(id_of('a'), "one"));
  catalog_.fails = true;
  EXPECT_FALSE(import(id_of('a'), "two"));
  EXPECT_TRUE(has_tree(id_of('a')));
  EXPECT_EQ(reason_of("two"), "IMAGE_NOT_FOUND");
}

TEST_F(ImageStoreTest, ARemovalCutShortCanBeRepeated) {
  ASSERT_TRUE(import(id_of('a'), "one"));
  catalog_.fails = true;
  EXPECT_FALSE(store_.remove("one", nobody));
  catalog_.fails = false;
  EXPECT_TRUE(store_.remove("one", nobody));
  EXPECT_TRUE(catalog_.records.empty());
}

TEST_F(ImageStoreTest, RecoversNamesAndContent) {
  ASSERT_TRUE(import(id_of('a'), "one"));
  ASSERT_TRUE(import(id_of('b'), "two"));
  ImageStore again(layers_, catalog_);
  const auto recovery = again.recover();
  ASSERT_TRUE(recovery);
  EXPECT_TRUE(recovery->adopted.empty() && recovery->dropped.empty());
  EXPECT_EQ(again.list(), store_.list());
  EXPECT_EQ(again.find("two")->content_id, id_of('b'));
}

TEST_F(ImageStoreTest, RecoveryAdoptsTreesAndDropsRecords) {
  ASSERT_TRUE(import(id_of('a'), "lost"));
  ASSERT_TRUE(import(id_of('b'), "bare"));
  catalog_.records.erase(id_of('a'));
  ASSERT_TRUE(layers_.retire(id_of('b')));
  ImageStore again(layers_, catalog_);
  const auto recovery = again.recover();
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->adopted, std::vector{id_of('a')});
  EXPECT_EQ(recovery->dropped, std::vector{id_of('b')});
  EXPECT_EQ(recovery->swept, 1U);
  ASSERT_EQ(again.list().size(), 1U);
  EXPECT_EQ(again.list().front().size, Bytes(1));
  EXPECT_TRUE(catalog_.records.contains(id_of('a')));
  EXPECT_FALSE(catalog_.records.contains(id_of('b')));
}

}  // namespace
}  // namespace skerry::images
