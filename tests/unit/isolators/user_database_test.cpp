#include "isolators/process/user_database.h"

#include <gtest/gtest.h>

#include "fixtures.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# app2:x:1:1::/:/\n"
    "+nis::0:0:::\n"
    "app:x:1000:1001:An app:/home/app:/bin/sh\n"
    "7:x:70:71::/seven:/bin/sh\n"
    "short:x:5\n"
    "bad:x:-1:0::/:/\n"
    "bad:x:4294967295:0::/:/\n"
    "bad:x:99999999999:0::/:/\n"
    "relative:x:30:30::home:/\n"
    "last:x:20:20::/last:/bin/sh";
constexpr std::string_view kGroup =
    "root:x:0:\n"
    "app:x:1001:\n"
    "disk:x:6:root,app\n"
    "video:x:44:other,,app,\n"
    "twice:x:44:app\n"
    "broken:x:app\n";

ResolvedUser user(std::string_view spec, const std::vector<std::string>& groups = {}) {
  auto resolved = resolve_user(spec, groups, kPasswd, kGroup);
  EXPECT_TRUE(resolved) << resolved.error().message();
  return resolved.value_or(ResolvedUser{});
}

std::string refusal(std::string_view spec, const std::vector<std::string>& groups = {}) {
  const auto resolved = resolve_user(spec, groups, kPasswd, kGroup);
  return resolved
             ? "ok"
             : fmt::format("{} {}", code_name(resolved.error().code()), resolved.error().reason());
}

TEST(UserDatabase, SkipsLinesThatAreNoEntries) {
  const auto entries = parse_passwd(kPasswd);
  ASSERT_EQ(entries.size(), 5U);
  EXPECT_EQ(entries[1],
            (PasswdEntry{.name = "app", .uid = 1000, .gid = 1001, .home = "/home/app"}));
  EXPECT_EQ(entries.back().name, "last");
  EXPECT_TRUE(parse_passwd(std::string_view("a\0b:x:1:1::/:/\n", 15)).empty());
  EXPECT_TRUE(parse_passwd(":x:1:1::/:/\n\n\n").empty());
}

TEST(UserDatabase, ReadsGroupMembers) {
  const auto entries = parse_group(kGroup);
  ASSERT_EQ(entries.size(), 5U);
  EXPECT_EQ(entries[3], (GroupEntry{.name = "video", .gid = 44, .members = {"other", "app"}}));
}

TEST(ResolveUser, EmptyIsRootWithItsGroupsAndHome) {
  EXPECT_EQ(user(""), (ResolvedUser{.uid = 0, .gid = 0, .groups = {0, 6}, .home = "/root"}));
  EXPECT_EQ(user("0"), user(""));
}

TEST(ResolveUser, NameTakesEverythingFromItsEntry) {
  const ResolvedUser app{.uid = 1000, .gid = 1001, .groups = {6, 44, 1001}, .home = "/home/app"};
  EXPECT_EQ(user("app"), app);
  EXPECT_EQ(user("1000"), app);
}

TEST(ResolveUser, NumberNeedsNoEntry) {
  EXPECT_EQ(user("1234"), (ResolvedUser{.uid = 1234, .gid = 0, .groups = {0}, .home = "/"}));
  EXPECT_EQ(user("1234:5678"),
            (ResolvedUser{.uid = 1234, .gid = 5678, .groups = {5678}, .home = "/"}));
  // A name of digits is a number: uid 7 has no entry, though a user is called "7".
  EXPECT_EQ(user("7").uid, 7U);
}

TEST(ResolveUser, GivenGroupReplacesMemberships) {
  EXPECT_EQ(user("app:disk"),
            (ResolvedUser{.uid = 1000, .gid = 6, .groups = {6}, .home = "/home/app"}));
  EXPECT_EQ(user(":video").gid, 44U);
  EXPECT_EQ(user("app:").groups, user("app").groups);
}

TEST(ResolveUser, AdditionalGroupsComeOnTop) {
  EXPECT_EQ(user("app:app", {"video", "9", "6"}).groups,
            (std::vector<std::uint32_t>{6, 9, 44, 1001}));
}

TEST(ResolveUser, HomeMustBeAbsolute) { EXPECT_EQ(user("relative").home, "/"); }

TEST(ResolveUser, MissingNamesAreNotFound) {
  EXPECT_EQ(refusal("nobody"), "NOT_FOUND USER_NOT_FOUND");
  EXPECT_EQ(refusal("app:nogroup"), "NOT_FOUND GROUP_NOT_FOUND");
  EXPECT_EQ(refusal("app", {"nogroup"}), "NOT_FOUND GROUP_NOT_FOUND");
  EXPECT_EQ(refusal("bad"), "NOT_FOUND USER_NOT_FOUND");
}

TEST(ResolveUser, MalformedOnesAreRefused) {
  EXPECT_EQ(refusal("a:b:c"), "INVALID_ARGUMENT USER_INVALID");
  EXPECT_EQ(refusal("4294967295"), "INVALID_ARGUMENT USER_INVALID");
  EXPECT_EQ(refusal("99999999999"), "INVALID_ARGUMENT USER_INVALID");
  EXPECT_EQ(refusal("a\nb"), "INVALID_ARGUMENT USER_INVALID");
  EXPECT_EQ(refusal(std::string(257, 'a')), "INVALID_ARGUMENT USER_INVALID");
  EXPECT_EQ(refusal("app", {""}), "INVALID_ARGUMENT USER_INVALID");
  EXPECT_EQ(refusal("app", {"a:b"}), "INVALID_ARGUMENT USER_INVALID");
}

TEST(ResolveUser, RefusesMoreGroupsThanTheKernelTakes) {
  std::string group;
  for (int gid = 1; gid <= 65'537; ++gid) group += fmt::format("g{}:x:{}:app\n", gid, gid);
  const auto resolved = resolve_user("app", {}, kPasswd, group);
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().reason(), "USER_INVALID");
}

}  // namespace
}  // namespace skerry::isolators
