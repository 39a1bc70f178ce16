#include "volumes/plugin/discovery.h"

#include <gtest/gtest.h>

#include "os/path.h"
#include "os/socket.h"
#include "tests/unit/os/temp_dir.h"

namespace skerry::volumes {
namespace {

using os::test::TempDir;

class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() {
    for (const char* dir : {"run", "etc", "lib"}) temp_.dir(dir);
  }
  /// A socket stays when its listener is closed.
  void socket(const std::string& dir, const std::string& name) {
    temp_.dir(dir);
    const auto at = os::open_dir(temp_.at(dir));
    ASSERT_TRUE(os::listen_at(at->get(), name, 0600));
  }
  Result<std::string> find(const std::string& name) const {
    return find_plugin_socket(dirs_, name);
  }

  TempDir temp_;
  PluginDirs dirs_{.sockets = {temp_.at("run")}, .specs = {temp_.at("etc"), temp_.at("lib")}};
};

TEST_F(DiscoveryTest, FirstPlaceWins) {
  temp_.file("lib/x.json", R"({"Name":"x","Addr":"unix:///s/lib.json"})");
  EXPECT_EQ(find("x").value(), "/s/lib.json");
  temp_.file("lib/x.spec", "unix:///s/lib.spec");
  EXPECT_EQ(find("x").value(), "/s/lib.spec");
  temp_.dir("etc/x");
  temp_.file("etc/x/x.spec", "unix:///s/etc-x.spec\n");
  EXPECT_EQ(find("x").value(), "/s/etc-x.spec");
  temp_.file("etc/x.spec", "unix:///s/etc.spec");
  EXPECT_EQ(find("x").value(), "/s/etc.spec");
  socket("run/x", "x.sock");
  EXPECT_EQ(find("x").value(), temp_.at("run/x/x.sock"));
  socket("run", "x.sock");
  EXPECT_EQ(find("x").value(), temp_.at("run/x.sock"));
}

TEST_F(DiscoveryTest, FileThatIsNoSocketIsPassedOver) {
  temp_.file("run/x.sock");
  EXPECT_EQ(find("x").error().reason(), "VOLUME_DRIVER_NOT_FOUND");
}

TEST_F(DiscoveryTest, MissingOneNamesTheDirectories) {
  const auto missing = find("rexray");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::kNotFound);
  EXPECT_NE(missing.error().message().find(temp_.at("lib")), std::string::npos);
}

TEST_F(DiscoveryTest, BadFileIsNamed) {
  temp_.file("etc/x.spec", "tcp://10.0.0.1:7777");
  const auto refused = find("x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnimplemented);
  EXPECT_EQ(refused.error().reason(), "PLUGIN_ADDRESS_UNSUPPORTED");
  EXPECT_NE(refused.error().message().find("etc/x.spec"), std::string::npos);
  temp_.file("etc/x.spec", std::string(70'000, 'x'));
  EXPECT_EQ(find("x").error().code(), Code::kResourceExhausted);
}

TEST_F(DiscoveryTest, ListsEachNameOnceAndOpensNothing) {
  EXPECT_TRUE(list_plugins({.sockets = {temp_.at("nowhere")}, .specs = {}}).empty());
  socket("run", "b.sock");
  socket("run/a", "a.sock");
  temp_.file("etc/b.spec", "garbage");
  temp_.dir("lib/c");
  temp_.file("lib/c/c.json", "garbage");
  temp_.file("lib/.hidden.spec");
  temp_.file("lib/notes.txt");
  temp_.file("run/d.spec");
  EXPECT_EQ(list_plugins(dirs_), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(PluginSpec, IsAUnixAddress) {
  EXPECT_EQ(parse_spec(" unix:///run/x.sock \r\n").value(), "/run/x.sock");
  for (const std::string& text : {std::string(),
                                  std::string("/run/x.sock"),
                                  std::string("unix://"),
                                  std::string("unix://x.sock"),
                                  std::string("unix:///a\nunix:///b"),
                                  std::string("unix:///a\0b", 11),
                                  "unix:///" + std::string(107, 'x')}) {
    EXPECT_EQ(parse_spec(text).error().reason(), "PLUGIN_SPEC_INVALID") << text;
  }
  for (const char* text : {"tcp://h:1", "http://h:1", "https://h:1"})
    EXPECT_EQ(parse_spec(text).error().reason(), "PLUGIN_ADDRESS_UNSUPPORTED") << text;
}

TEST(PluginSpec, JsonHasAnAddress) {
  EXPECT_EQ(parse_json_spec(R"({"addr":"unix:///x","TLSConfig":null})").value(), "/x");
  for (const char* text : {"", "[]", "{}", R"({"Addr":7})", R"({"Addr":"unix:///x")"})
    EXPECT_EQ(parse_json_spec(text).error().reason(), "PLUGIN_SPEC_INVALID") << text;
  EXPECT_EQ(parse_json_spec(R"({"Addr":"https://h","TLSConfig":{"CAFile":"/x"}})").error().reason(),
            "PLUGIN_ADDRESS_UNSUPPORTED");
}

}  // namespace
}  // namespace skerry::volumes
