// The configuration directory as a table, and the network the daemon makes itself.
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "agent/networks/network_book.h"
#include "cni/default_network.h"
#include "fixtures.h"

namespace skerry::agent {
namespace {

struct Lists {
  tests::TempDir dir;
  GeneratedNetwork generated{{.daemon_name = "skerry",
                              .directory = dir.path() / "cni",
                              .candidates = {},
                              .subnet_length = 20,
                              .in_use = [] { return false; }}};

  void write(const std::string& file, const std::string& name, const std::string& plugin = "ptp") {
    std::ofstream out(dir.path() / file);
    out << R"({"cniVersion":"1.0.0","name":")" << name << R"(","plugins":[{"type":")" << plugin
        << R"("}]})";
  }
  NetworkTable load() {
    auto table = load_network_table(dir.path(), generated);
    EXPECT_TRUE(table);
    return table ? *table : NetworkTable{};
  }
};

TEST(NetworkTable, HasTheOperatorsListsAndTheGeneratedOne) {
  Lists lists;
  lists.write("10-blue.conflist", "blue");
  const NetworkTable table = lists.load();
  ASSERT_EQ(table.networks.size(), 2U);
  EXPECT_FALSE(table.networks.at("blue").is_generated);
  EXPECT_EQ(table.networks.at("blue").source, lists.dir.path());
  EXPECT_TRUE(table.networks.at("skerry").is_generated);
}

TEST(NetworkTable, AFileMayTakeTheGeneratedOnesName) {
  Lists lists;
  lists.write("own.conflist", "skerry", "macvlan");
  const NetworkTable table = lists.load();
  EXPECT_FALSE(table.networks.at("skerry").is_generated);
  EXPECT_EQ(table.networks.at("skerry").list.plugins[0].type, "macvlan");
}

TEST(NetworkTable, RefusesNamesThatAreModesAndTellsOfBadFiles) {
  Lists lists;
  lists.write("a.conflist", "host");
  std::ofstream(lists.dir.path() / "b.conflist") << "no json";
  const NetworkTable table = lists.load();
  EXPECT_EQ(table.refused.size(), 2U);
  EXPECT_FALSE(table.networks.contains("host"));
  const auto missing = find_network(table, "red");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("b.conflist"), std::string::npos);
}

TEST(NetworkTable, ADirectoryThatIsNotThereHasNone) {
  Lists lists;
  const auto table = load_network_table(lists.dir.path() / "missing", lists.generated);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->networks.size(), 1U);
}

TEST(NetworkBook, KeepsTheOldReadingWhenANewOneFails) {
  Lists lists;
  std::filesystem::create_directory(lists.dir.path() / "net.d");
  const std::string net_d = lists.dir.path() / "net.d";
  NetworkBook book(net_d, {}, lists.generated);
  EXPECT_TRUE(book.table()->networks.empty());
  ASSERT_TRUE(book.reload());
  EXPECT_EQ(book.table()->networks.size(), 1U);
  std::filesystem::remove(net_d);
  std::ofstream file(net_d);
  EXPECT_FALSE(book.reload());
  EXPECT_EQ(book.table()->networks.size(), 1U);
}

TEST(GeneratedNetwork, HasAListBeforeItHasASubnet) {
  const Lists lists;
  EXPECT_FALSE(lists.generated.is_chosen());
  const cni::NetworkList list = lists.generated.list();
  EXPECT_EQ(list.name, "skerry");
  EXPECT_EQ(cni::bridge_of(list), "skerry0");
  ASSERT_EQ(list.plugins.size(), 3U);
}

TEST(GeneratedNetwork, RemembersWhatItsFileSays) {
  Lists lists;
  std::filesystem::create_directory(lists.dir.path() / "cni");
  const auto list = cni::make_default_network({.name = "skerry",
                                               .bridge = "skerry0",
                                               .subnet = *cni::IpPrefix::parse("10.89.16.0/20"),
                                               .data_dir = lists.generated.lease_directory()});
  ASSERT_TRUE(list);
  std::ofstream(lists.dir.path() / "cni" / "skerry.conflist") << list->bytes;
  lists.generated.load();
  EXPECT_TRUE(lists.generated.is_chosen());
  EXPECT_EQ(lists.generated.list().bytes, list->bytes);
  // Another daemon's, or damaged: chosen anew.
  for (const std::string& bytes : {std::string("{}"), std::string("?")}) {
    Lists other;
    std::filesystem::create_directory(other.dir.path() / "cni");
    std::ofstream(other.dir.path() / "cni" / "skerry.conflist") << bytes;
    other.generated.load();
    EXPECT_FALSE(other.generated.is_chosen());
  }
}

}  // namespace
}  // namespace skerry::agent
