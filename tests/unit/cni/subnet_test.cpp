// Addresses, prefixes and the choice of a subnet.
#include "cni/subnet.h"

#include <gtest/gtest.h>

namespace skerry::cni {
namespace {

IpPrefix prefix(const char* text) {
  const auto parsed = IpPrefix::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(IpPrefix{});
}

std::string chosen(const SubnetWish& wish, const std::vector<HostPrefix>& taken) {
  const auto subnet = choose_subnet(wish, taken);
  return subnet ? subnet->str() : subnet.error().reason();
}

TEST(IpPrefix, ReadsAndWritesBothFamilies) {
  EXPECT_EQ(prefix("10.1.2.3/8").str(), "10.1.2.3/8");
  EXPECT_EQ(prefix("10.1.2.3/8").network().str(), "10.0.0.0/8");
  EXPECT_EQ(prefix("fd00:0::1/64").network().str(), "fd00::/64");
  for (const char* text : {"",
                           "10.0.0.1",
                           "10.0.0.1/33",
                           "10.0.0.1/",
                           "10.0.0.1/-1",
                           "10.0.0.1/8x",
                           "010.0.0.1/8",
                           "::/129",
                           "a/8",
                           "/8"})
    EXPECT_FALSE(IpPrefix::parse(text)) << text;
}

TEST(IpPrefix, OverlapsWhatContainsItOrIsInIt) {
  EXPECT_TRUE(prefix("10.0.0.0/8").overlaps(prefix("10.88.0.0/20")));
  EXPECT_TRUE(prefix("10.88.0.0/20").overlaps(prefix("10.0.0.0/8")));
  EXPECT_FALSE(prefix("10.88.0.0/20").overlaps(prefix("10.88.16.0/20")));
  EXPECT_FALSE(prefix("10.88.0.0/20").overlaps(prefix("::/0")));
}

TEST(Subnet, IsTheFirstOfTheCandidatesOnAFreeHost) {
  EXPECT_EQ(chosen({.candidates = default_subnet_candidates()}, {}), "10.88.0.0/20");
}

TEST(Subnet, LeavesOutWhatTheHostUses) {
  const SubnetWish wish{.candidates = {prefix("10.88.0.0/16"), prefix("172.24.0.0/16")}};
  EXPECT_EQ(chosen(wish, {{prefix("10.88.0.7/32"), "eth0"}}), "10.88.16.0/20");
  EXPECT_EQ(chosen(wish, {{prefix("10.88.0.0/24"), ""}, {prefix("10.88.16.0/20"), "docker0"}}),
            "10.88.32.0/20");
  EXPECT_EQ(chosen(wish, {{prefix("10.0.0.0/8"), "vpn0"}}), "172.24.0.0/20");
  EXPECT_EQ(chosen(wish, {{prefix("10.0.0.0/8"), "vpn0"}, {prefix("172.16.0.0/12"), "vpn0"}}),
            "NO_SUBNET_LEFT");
}

TEST(Subnet, KeepsThePreviousChoiceWhileItIsFree) {
  SubnetWish wish{.candidates = {prefix("10.88.0.0/16")},
                  .previous = prefix("10.88.48.0/20"),
                  .own_interface = "skerry0"};
  EXPECT_EQ(chosen(wish, {{prefix("10.88.48.0/20"), "skerry0"}}), "10.88.48.0/20");
  EXPECT_EQ(chosen(wish, {{prefix("10.88.48.0/20"), "eth1"}}), "10.88.0.0/20");
}

TEST(Subnet, EndsAtTheEndOfItsRange) {
  EXPECT_EQ(
      chosen({.candidates = {prefix("255.255.240.0/20")}}, {{prefix("255.255.255.0/24"), ""}}),
      "NO_SUBNET_LEFT");
  EXPECT_EQ(chosen({.candidates = {prefix("10.0.0.0/24")}}, {}), "NO_SUBNET_LEFT");
  EXPECT_EQ(
      chosen({.candidates = {prefix("10.0.0.0/24")}, .length = 29}, {{prefix("10.0.0.0/30"), ""}}),
      "10.0.0.8/29");
}

TEST(Subnet, RefusesAWishThatIsNone) {
  EXPECT_FALSE(choose_subnet({.candidates = {prefix("fd00::/48")}}, {}));
  EXPECT_FALSE(choose_subnet({.candidates = {prefix("10.0.0.0/8")}, .length = 31}, {}));
}

TEST(HostPrefixes, LeaveDefaultRoutesOut) {
  const auto prefixes = host_prefixes();
  ASSERT_TRUE(prefixes) << prefixes.error().message();
  for (const HostPrefix& each : *prefixes) EXPECT_GT(each.prefix.length, 0U);
}

}  // namespace
}  // namespace skerry::cni
