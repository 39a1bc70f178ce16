#include "volumes/plugin/messages.h"

#include <gtest/gtest.h>

#include "volumes/plugin/json.h"

namespace skerry::volumes {
namespace {

HttpReply ok(std::string body) { return {.status = 200, .body = std::move(body)}; }

TEST(PluginRequest, IsTheProtocolsJson) {
  EXPECT_EQ(name_request("v"), R"({"Name":"v"})");
  EXPECT_EQ(mount_request("v", "id"), R"({"ID":"id","Name":"v"})");
  EXPECT_EQ(create_request({.name = "v", .options = {{"a", "\"1\""}}}),
            R"({"Name":"v","Opts":{"a":"\"1\""}})");
  EXPECT_EQ(create_request({.name = "v"}), R"({"Name":"v","Opts":{}})");
}

TEST(PluginReply, ErrCountsWhateverTheStatus) {
  for (const long status : {200L, 500L, 404L}) {
    const auto refused = parse_done({.status = status, .body = R"({"Err":"no\nsuch disk"})"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "PLUGIN_ERROR");
    EXPECT_EQ(refused.error().message(), "the plugin says: no such disk");
  }
}

TEST(PluginReply, OtherStatusIsItsText) {
  const auto refused = parse_done({.status = 500, .body = "boom\x1b[0m \xff\n"});
  EXPECT_EQ(refused.error().message(), "the plugin says: boom [0m ? (status 500)");
  EXPECT_EQ(parse_done({.status = 502, .body = ""}).error().reason(), "PLUGIN_ERROR");
  EXPECT_EQ(parse_done({.status = 404, .body = "404 page not found"}).error().reason(),
            "PLUGIN_CALL_MISSING");
}

TEST(PluginReply, DoneIsLenient) {
  for (const char* body : {"", "{}", R"({"Err":""})", R"({"Err":null})", R"({"Err":7,"x":[1]})"})
    EXPECT_TRUE(parse_done(ok(body))) << body;
  for (const char* body : {"[]", "null", "{", "\"x\"", "{} {}"})
    EXPECT_EQ(parse_done(ok(body)).error().reason(), "PLUGIN_REPLY_INVALID") << body;
}

TEST(PluginReply, DepthIsBounded) {
  const auto nested = [](std::size_t depth) {
    return R"({"x":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(parse_done(ok(nested(20))));
  EXPECT_EQ(parse_done(ok(nested(1000))).error().reason(), "PLUGIN_REPLY_INVALID");
  EXPECT_EQ(parse_done(ok(R"({"x":)" + std::string(3'000'000, '['))).error().reason(),
            "PLUGIN_REPLY_INVALID");
}

TEST(PluginReply, MountpointMayBeMissing) {
  EXPECT_EQ(parse_mountpoint(ok(R"({"Mountpoint":"/x","Err":""})")).value(), "/x");
  EXPECT_EQ(parse_mountpoint(ok(R"({"mountpoint":"/x"})")).value(), "/x");
  for (const char* body : {"{}", R"({"Mountpoint":null})", R"({"Mountpoint":["/x"]})"})
    EXPECT_EQ(parse_mountpoint(ok(body)).value(), "") << body;
}

TEST(PluginReply, ActivationNeedsTheRole) {
  EXPECT_TRUE(parse_activation(ok(R"({"Implements":["NetworkDriver","VolumeDriver"]})")));
  const auto other = parse_activation(ok(R"({"Implements":["NetworkDriver",7]})"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason(), "PLUGIN_NOT_A_VOLUME_DRIVER");
  EXPECT_EQ(other.error().message(), "the plugin is no VolumeDriver but: NetworkDriver");
  EXPECT_EQ(parse_activation(ok("{}")).error().reason(), "PLUGIN_NOT_A_VOLUME_DRIVER");
}

TEST(PluginReply, VolumeKeepsOurName) {
  const auto info =
      parse_volume(ok(R"({"Volume":{"Name":"evil","Mountpoint":"/x\n","CreatedAt":"now"}})"), "v");
  EXPECT_EQ(info->name, "v");
  EXPECT_EQ(info->mountpoint, "/x");
  EXPECT_EQ(info->created_at, "now");
  EXPECT_EQ(parse_volume(ok(R"({"Volume":null})"), "v").error().reason(), "PLUGIN_REPLY_INVALID");
}

TEST(PluginReply, ListIsSortedUniqueAndOurs) {
  const auto volumes = parse_volumes(ok(
      R"({"Volumes":[{"Name":"b"},{"Name":"a"},{"Name":"b"},{"Name":"../x"},{"Name":7},null,3,{}]})"));
  ASSERT_EQ(volumes->size(), 2U);
  EXPECT_EQ(volumes->at(0).name, "a");
  EXPECT_EQ(volumes->at(1).name, "b");
  for (const char* body : {"{}", R"({"Volumes":null})", R"({"Volumes":{"a":{}}})"})
    EXPECT_TRUE(parse_volumes(ok(body))->empty()) << body;
  std::string many = R"({"Volumes":[)";
  for (int i = 0; i < 10'001; ++i) many += "{},";
  EXPECT_EQ(parse_volumes(ok(many + "{}]}")).error().reason(), "PLUGIN_REPLY_INVALID");
}

TEST(PluginReply, ScopeIsLocalUnlessGlobal) {
  EXPECT_EQ(parse_capabilities(ok(R"({"Capabilities":{"Scope":"global"}})")).value(),
            Scope::kGlobal);
  for (const char* body : {"{}", R"({"Capabilities":{"Scope":"galaxy"}})", R"({"Capabilities":1})"})
    EXPECT_EQ(parse_capabilities(ok(body)).value(), Scope::kLocal) << body;
}

TEST(Printable, IsOneBoundedLineOfUtf8) {
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f\te \n"), "gr\xc3\xbc\xc3\x9f e");
  EXPECT_EQ(printable("\xc3"), "?");
  EXPECT_EQ(printable("\xed\xa0\x80"), "???") << "a surrogate";
  EXPECT_EQ(printable("a\"b\\c"), "a\"b\\c");
  const std::string cut = printable(std::string(5000, 'x'));
  EXPECT_EQ(cut, std::string(kMaxShownText, 'x') + "…");
  EXPECT_EQ(printable(""), "");
}

}  // namespace
}  // namespace skerry::volumes
