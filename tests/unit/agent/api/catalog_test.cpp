#include "agent/images/catalog.h"

#include <gtest/gtest.h>

#include "store_fixture.h"

namespace skerry::agent {
namespace {

using images::ContentId;
using images::Image;

Image image(char digit, std::vector<std::string> names = {}) {
  Image made;
  made.content_id = *ContentId::parse(std::string(64, digit));
  made.names = std::move(names);
  made.size = Bytes(5);
  return made;
}

struct CatalogFixture : tests::StoreFixture {
  CatalogFixture() {
    EXPECT_TRUE(open());
    log = *events::EventLog::open(*store, t.trace.get(), t.clock, {});
    catalog.emplace(*store, *log, t.trace.get());
    EXPECT_TRUE(catalog->load());
    watcher = *log->subscribe(std::nullopt, [] {});
  }
  /// "+name" and "-name", in order.
  std::string told() {
    t.reactor->turn();
    std::string all;
    for (const events::EventPtr& row : watcher->take(100).events) {
      v1::Event event;
      EXPECT_TRUE(event.ParseFromString(row->blob));
      all += event.type() == v1::EVENT_TYPE_IMAGE_ADDED ? '+' : '-';
      all += event.image().substr(0, 8);
      all += ' ';
    }
    return all;
  }
  Result<std::vector<Image>> load_again() { return Catalog(*store, *log, t.trace.get()).load(); }
  Result<> save(std::vector<Image> images) { return catalog->save(images); }

  std::unique_ptr<events::EventLog> log;
  std::optional<Catalog> catalog;
  std::shared_ptr<events::Subscription> watcher;
};

TEST(Catalog, KeepsImagesWithTheirNames) {
  CatalogFixture f;
  ASSERT_TRUE(f.save({image('a', {"one", "two"}), image('b')}));
  const auto loaded = f.load_again();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, (std::vector<Image>{image('a', {"one", "two"}), image('b')}));
}

TEST(Catalog, TellsOfWhatChangedOnly) {
  CatalogFixture f;
  ASSERT_TRUE(f.save({image('a', {"one"})}));
  EXPECT_EQ(f.told(), "+sha256:a +one ");
  ASSERT_TRUE(f.save({image('a', {"one"})}));
  EXPECT_EQ(f.told(), "");
  ASSERT_TRUE(f.save({image('a', {"one", "two"})}));
  EXPECT_EQ(f.told(), "+two ");
}

TEST(Catalog, ANameMovesInOneTransaction) {
  CatalogFixture f;
  ASSERT_TRUE(f.save({image('b', {"one"})}));
  static_cast<void>(f.told());
  // In either order of the two.
  ASSERT_TRUE(f.save({image('a', {"one"}), image('b')}));
  EXPECT_EQ(f.told(), "-one +sha256:a +one ");
  ASSERT_TRUE(f.save({image('a'), image('b', {"one"})}));
  EXPECT_EQ(f.told(), "-one +one ");
  EXPECT_EQ(f.load_again()->at(1).names, std::vector<std::string>{"one"});
}

TEST(Catalog, RemovesAllOfAnImage) {
  CatalogFixture f;
  const Image gone = image('a', {"one"});
  ASSERT_TRUE(f.save({gone}));
  static_cast<void>(f.told());
  ASSERT_TRUE(f.catalog->remove(gone.content_id));
  ASSERT_TRUE(f.catalog->remove(gone.content_id));
  EXPECT_EQ(f.told(), "-one -sha256:a ");
  EXPECT_TRUE(f.load_again()->empty());
  EXPECT_TRUE(f.store->image_names()->rows.empty());
}

TEST(Catalog, PutsARecordAsideThatDoesNotDecode) {
  CatalogFixture f;
  ASSERT_TRUE(f.save({image('a', {"one"}), image('b', {"two"})}));
  {
    store::Transaction transaction = f.store->begin();
    transaction.put(store::ImageRow{.content_id = std::string(64, 'a'), .record = "rubbish"});
    ASSERT_TRUE(transaction.commit());
  }
  const auto loaded = f.load_again();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, std::vector<Image>{image('b', {"two"})});
  EXPECT_EQ(f.store->quarantine()->size(), 1U);
  EXPECT_EQ(f.store->image_names()->rows.size(), 1U);
}

}  // namespace
}  // namespace skerry::agent
