// What a plugin is told, and what may be asked of a network.
#include <algorithm>

#include <gtest/gtest.h>

#include "cni/attachment.h"
#include "cni/plugin_call.h"

namespace skerry::cni {
namespace {

NetworkList list_of(const std::string& plugin) {
  const auto list =
      parse_network_list(R"({"name":"n","cniVersion":"1.0.0","plugins":[)" + plugin + "]}");
  EXPECT_TRUE(list) << list.error().message();
  return list.value_or(NetworkList{});
}

std::string input_of(const std::string& plugin, const CallArguments& arguments) {
  const NetworkList list = list_of(plugin);
  const auto input = compose_input(list, list.plugins.at(0), arguments);
  EXPECT_TRUE(input) << input.error().message();
  return input.value_or("");
}

CallArguments arguments() {
  return {.container = "c1",
          .interface = "eth0",
          .netns = "/proc/1/fd/3",
          .args = {{"A", "1"}, {"B", "2"}},
          .capability_args = R"({"mac":"aa:bb:cc:dd:ee:ff","ips":["10.0.0.2/24"]})",
          .previous_result = {}};
}

TEST(PluginInput, HasNameVersionAndWhatTheCapabilitiesAllow) {
  EXPECT_EQ(input_of(R"({"type":"t","x":1,"capabilities":{"mac":true,"ips":false,"dns":true}})",
                     arguments()),
            R"({"cniVersion":"1.0.0","name":"n","runtimeConfig":{"mac":"aa:bb:cc:dd:ee:ff"},)"
            R"("type":"t","x":1})");
}

TEST(PluginInput, HasThePreviousResult) {
  CallArguments with_result = arguments();
  with_result.previous_result = R"({"ips":[]})";
  EXPECT_EQ(input_of(R"({"type":"t"})", with_result),
            R"({"cniVersion":"1.0.0","name":"n","prevResult":{"ips":[]},"type":"t"})");
}

TEST(PluginEnvironment, IsWhatTheSpecificationSaysAndNoMore) {
  const PluginPaths paths{.directories = {"/a", "/b"}, .search = "/bin"};
  EXPECT_EQ(compose_environment(Verb::kAdd, arguments(), paths),
            (std::vector<std::string>{"CNI_COMMAND=ADD",
                                      "CNI_PATH=/a:/b",
                                      "PATH=/bin",
                                      "CNI_CONTAINERID=c1",
                                      "CNI_IFNAME=eth0",
                                      "CNI_NETNS=/proc/1/fd/3",
                                      "CNI_ARGS=A=1;B=2"}));
}

TEST(FindPlugin, NamesWhatIsMissingAndWhereItLooked) {
  const auto found =
      find_plugin({.directories = {"/nowhere/a", "/nowhere/b"}, .search = {}}, "bridge");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().reason(), "CNI_PLUGIN_MISSING");
  EXPECT_EQ(found.error().message(),
            "plugin \"bridge\" is not in \"/nowhere/a\" or \"/nowhere/b\"");
  const auto list = list_of(R"({"type":"sh","ipam":{"type":"no-such-ipam"}})");
  const auto checked = check_plugins({.directories = {"/bin"}, .search = {}}, list);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message().find("network \"n\": plugin \"no-such-ipam\""),
            std::string::npos);
}

Attachment attachment() {
  return {.network = "n", .container = "c1", .interface = "eth0", .netns = "/proc/1/fd/3"};
}

TEST(Attachment, RefusesWhatWouldReachThePluginAsSomethingElse) {
  EXPECT_TRUE(check_attachment(attachment()));
  Attachment bad = attachment();
  bad.args = {{"A", "1;CNI_NETNS=/"}};
  EXPECT_FALSE(check_attachment(bad));
  bad = attachment();
  bad.container = "../c";
  EXPECT_FALSE(check_attachment(bad));
  bad = attachment();
  bad.interface = "eth0/../x";
  EXPECT_FALSE(check_attachment(bad));
  bad = attachment();
  bad.netns = std::string("/proc/1\0x", 9);
  EXPECT_FALSE(check_attachment(bad));
  bad = attachment();
  bad.ports = {{.host_port = 0, .container_port = 80}};
  EXPECT_FALSE(check_attachment(bad));
}

TEST(Attachment, GivesItsCapabilityArguments) {
  Attachment full = attachment();
  EXPECT_EQ(*capability_args(full), "");
  full.ports = {{.host_port = 8080,
                 .container_port = 80,
                 .protocol = Protocol::kUdp,
                 .host_ip = IpAddress::parse("127.0.0.1")}};
  full.ips = {*IpPrefix::parse("10.0.0.9/24")};
  full.cgroup_path = "/a";
  full.more_capability_args = R"({"bandwidth":{"ingressRate":1}})";
  EXPECT_EQ(*capability_args(full),
            R"({"bandwidth":{"ingressRate":1},"cgroupPath":"/a","ips":["10.0.0.9/24"],)"
            R"("portMappings":[{"containerPort":80,"hostIP":"127.0.0.1","hostPort":8080,)"
            R"("protocol":"udp"}]})");
  full.more_capability_args = "{";
  EXPECT_FALSE(capability_args(full));
}

TEST(Attachment, IsRefusedByANetworkThatCannot) {
  Attachment published = attachment();
  published.ports = {{.host_port = 80, .container_port = 80}};
  const auto refused = check_capabilities(list_of(R"({"type":"t"})"), published);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "NETWORK_CANNOT");
  EXPECT_TRUE(check_capabilities(list_of(R"({"type":"t","capabilities":{"portMappings":true}})"),
                                 published));
}

}  // namespace
}  // namespace skerry::cni
