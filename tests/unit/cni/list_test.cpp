// Network lists, the configuration directory, and the generated default network.
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "cni/default_network.h"
#include "cni/network_dir.h"
#include "cni/network_list.h"
#include "tests/unit/cni/temp_dir.h"

namespace skerry::cni {
namespace {

constexpr const char* kChain =
    R"({"cniVersion":"0.4.0","name":"net","plugins":[)"
    R"({"type":"bridge","ipam":{"type":"host-local"},"capabilities":{"ips":true,"mac":false}},)"
    R"({"type":"portmap","capabilities":{"portMappings":true}}],"unknown":1})";

std::string refusal(const Result<NetworkList>& list) {
  EXPECT_FALSE(list);
  if (list) return {};
  EXPECT_EQ(list.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(list.error().reason(), "NETWORK_INVALID");
  return list.error().message();
}

TEST(NetworkList, ReadsAChainAndKeepsItsBytes) {
  const auto list = parse_network_list(kChain);
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(list->name, "net");
  EXPECT_EQ(list->version, SpecVersion::k040);
  EXPECT_EQ(list->bytes, kChain);
  ASSERT_EQ(list->plugins.size(), 2U);
  EXPECT_EQ(list->plugins[0].type, "bridge");
  EXPECT_EQ(list->plugins[0].capabilities, std::vector<std::string>{"ips"});
  EXPECT_EQ(list->plugins[1].capabilities, std::vector<std::string>{"portMappings"});
}

TEST(NetworkList, ChoosesTheHighestVersionItKnows) {
  const auto list = parse_network_list(
      R"({"cniVersion":"0.4.0","cniVersions":["0.3.1","1.0.0","7.0.0"],"name":"n",)"
      R"("plugins":[{"type":"a"}]})");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->version, SpecVersion::k100);
}

TEST(NetworkList, WithoutAVersionIsOfTheFirst) {
  const auto list = parse_network_list(R"({"name":"n","plugins":[{"type":"a"}]})");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->version, SpecVersion::k010);
}

TEST(NetworkList, RefusesWhatIsNone) {
  EXPECT_NE(refusal(parse_network_list("")).find("not JSON"), std::string::npos);
  EXPECT_NE(refusal(parse_network_list("[]")).find("not a JSON object"), std::string::npos);
  EXPECT_NE(refusal(parse_network_list(R"({"plugins":[{"type":"a"}]})")).find("network \"\""),
            std::string::npos);
  for (const char* bytes : {
           R"({"name":"../x","plugins":[{"type":"a"}]})",
           R"({"name":"n","plugins":[]})",
           R"({"name":"n","plugins":{}})",
           R"({"name":"n","plugins":[1]})",
           R"({"name":"n","plugins":[{}]})",
           R"({"name":"n","plugins":[{"type":"../../bin/sh"}]})",
           R"({"name":"n","plugins":[{"type":"a","capabilities":{"x":1}}]})",
           R"({"name":"n","plugins":[{"type":"a"}],"disableCheck":"yes"})",
           R"({"name":"n","cniVersion":"9.9.9","plugins":[{"type":"a"}]})",
           R"({"name":"n","cniVersion":3,"plugins":[{"type":"a"}]})",
           R"({"name":"n","cniVersion":"0.2.0","plugins":[{"type":"a"},{"type":"b"}]})",
       })
    EXPECT_FALSE(refusal(parse_network_list(bytes)).empty()) << bytes;
}

TEST(NetworkList, RefusesDepthAndSize) {
  std::string deep = R"({"name":"n","plugins":[{"type":"a","x":)";
  deep += std::string(100'000, '[') + std::string(100'000, ']') + "}]}";
  EXPECT_NE(refusal(parse_network_list(deep)).find("deeper"), std::string::npos);
  const std::string brackets(200, '[');
  EXPECT_TRUE(
      parse_network_list(R"({"name":"n","plugins":[{"type":"a","x":")" + brackets + "\"}]}"));
  const std::string big(2UL << 20U, ' ');
  EXPECT_NE(refusal(parse_network_list("{" + big + "}")).find("longer"), std::string::npos);
}

TEST(NetworkConf, BecomesAListOfOne) {
  const auto list = parse_network_conf(R"({"cniVersion":"0.2.0","name":"one","type":"bridge"})");
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(list->name, "one");
  ASSERT_EQ(list->plugins.size(), 1U);
  EXPECT_EQ(list->plugins[0].type, "bridge");
  const auto again = parse_network_list(list->bytes);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->plugins[0].bytes, list->plugins[0].bytes);
  EXPECT_NE(refusal(parse_network_conf(kChain)).find(".conflist"), std::string::npos);
}

TEST(NetworkDir, LoadsListsBeforeConfsAndSaysWhatItRefused) {
  const test::TempDir dir;
  dir.write("20-b.conf", R"({"name":"b","type":"x"})");
  dir.write("10-again.conf", R"({"name":"a","type":"x"})");
  dir.write("30-a.conflist", R"({"name":"a","cniVersion":"1.0.0","plugins":[{"type":"y"}]})");
  dir.write("40-bad.conflist", "{");
  dir.write("readme.txt", "no network");
  ASSERT_EQ(::mkfifo((dir.path() + "/50-pipe.conf").c_str(), 0600), 0);
  const auto loaded = load_networks(dir.fd());
  ASSERT_TRUE(loaded) << loaded.error().message();
  ASSERT_EQ(loaded->networks.size(), 2U);
  EXPECT_EQ(loaded->networks[0].plugins[0].type, "y");
  EXPECT_EQ(loaded->networks[1].name, "b");
  ASSERT_EQ(loaded->refused.size(), 3U);
  EXPECT_EQ(loaded->refused[0].file, "40-bad.conflist");
  EXPECT_EQ(loaded->refused[1].error.reason(), "NETWORK_DUPLICATE");
  EXPECT_EQ(loaded->refused[2].file, "50-pipe.conf");
  EXPECT_NE(
      loaded->refused[0].error.message().find("\"40-bad.conflist\": the document is not JSON"),
      std::string::npos);
}

TEST(NetworkDir, AddsPluginsFromTheDirectoryOfTheNetworksName) {
  const test::TempDir dir;
  ASSERT_EQ(::mkdir((dir.path() + "/a").c_str(), 0755), 0);
  dir.write("a.conflist", R"({"name":"a","cniVersion":"1.1.0"})");
  dir.write("alone.conflist",
            R"({"name":"alone","cniVersion":"1.1.0","loadOnlyInlinedPlugins":true})");
  const auto empty = load_networks(dir.fd());
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->refused.size(), 2U);
  dir.write("a/10-x.conf", R"({"type":"x"})");
  dir.write("a/20-y.conf", R"({"type":"y"})");
  const auto loaded = load_networks(dir.fd());
  ASSERT_TRUE(loaded) << loaded.error().message();
  ASSERT_EQ(loaded->networks.size(), 1U);
  const NetworkList& list = loaded->networks[0];
  EXPECT_EQ(list.name, "a");
  ASSERT_EQ(list.plugins.size(), 2U);
  EXPECT_EQ(list.plugins[1].type, "y");
  // What is kept until DEL is the whole of it.
  EXPECT_EQ(parse_network_list(list.bytes)->plugins.size(), 2U);
}

TEST(BridgeName, FitsAndTellsDaemonsApart) {
  EXPECT_EQ(bridge_name("skerry"), "skerry0");
  const std::string a = bridge_name("skerry-production-a");
  const std::string b = bridge_name("skerry-production-b");
  EXPECT_EQ(a.size(), 15U);
  EXPECT_NE(a, b);
  EXPECT_EQ(a, bridge_name("skerry-production-a"));
  EXPECT_LE(bridge_name("fourteen-chars").size(), 15U);
}

TEST(DefaultNetwork, IsAListThatReads) {
  const auto list = make_default_network({.name = "skerry",
                                          .bridge = "skerry0",
                                          .subnet = *IpPrefix::parse("10.88.16.0/20"),
                                          .data_dir = "/var/lib/skerry/networks"});
  ASSERT_TRUE(list) << list.error().message();
  ASSERT_EQ(list->plugins.size(), 3U);
  EXPECT_EQ(bridge_of(*list), "skerry0");
  EXPECT_FALSE(make_default_network({.name = "skerry",
                                     .bridge = "a-name-that-is-too-long",
                                     .subnet = *IpPrefix::parse("10.88.16.0/20"),
                                     .data_dir = "/d"}));
  EXPECT_FALSE(make_default_network({.name = "skerry",
                                     .bridge = "skerry0",
                                     .subnet = *IpPrefix::parse("10.88.16.0/31"),
                                     .data_dir = "/d"}));
}

}  // namespace
}  // namespace skerry::cni
