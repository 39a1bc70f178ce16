#include "isolators/capabilities/capabilities.h"

#include <bit>

#include <gtest/gtest.h>

#include "fixtures.h"
#include "isolators/capabilities/names.h"

namespace skerry::isolators {
namespace {

using test::Prepared;
using test::sample_config;
using test::verdict;

constexpr int kLast = CAP_CHECKPOINT_RESTORE;

ContainerConfig with(std::vector<std::string> add, std::vector<std::string> drop) {
  auto config = sample_config();
  config.capabilities_add = std::move(add);
  config.capabilities_drop = std::move(drop);
  return config;
}

std::uint64_t set_of(std::vector<std::string> add, std::vector<std::string> drop) {
  return bounding_set(with(std::move(add), std::move(drop)), kLast).value();
}

TEST(Capabilities, DefaultIsFourteen) {
  EXPECT_EQ(std::popcount(kDefaultCapabilities), 14);
  EXPECT_EQ(set_of({}, {}), kDefaultCapabilities);
}

TEST(Capabilities, NamesGoBothWays) {
  for (int number = 0; number <= kLast; ++number) {
    ASSERT_TRUE(capability_name(number));
    EXPECT_EQ(capability_number(*capability_name(number)), number);
  }
  EXPECT_EQ(capability_number("CAP_NET_ADMIN"), CAP_NET_ADMIN);
  EXPECT_EQ(capability_number("net_admin"), std::nullopt);
  EXPECT_EQ(capability_number(""), std::nullopt);
  EXPECT_EQ(capability_name(41), std::nullopt);
}

TEST(Capabilities, AddsAndDrops) {
  EXPECT_EQ(set_of({"NET_ADMIN"}, {"MKNOD"}),
            (kDefaultCapabilities | capability_bit(CAP_NET_ADMIN)) & ~capability_bit(CAP_MKNOD));
  EXPECT_EQ(set_of({"ALL"}, {"SYS_ADMIN"}),
            all_capabilities(kLast) & ~capability_bit(CAP_SYS_ADMIN));
  EXPECT_EQ(set_of({}, {"ALL"}), 0U);
  EXPECT_EQ(set_of({"CHOWN"}, {"ALL"}), capability_bit(CAP_CHOWN));
  EXPECT_EQ(set_of({"CHOWN"}, {"CHOWN"}), kDefaultCapabilities);
}

TEST(Capabilities, RefusesWhatIsNone) {
  const auto isolator = make_capabilities_isolator(kLast);
  EXPECT_EQ(verdict(*isolator, with({"ROOT"}, {})), "INVALID_ARGUMENT CAPABILITY_UNKNOWN");
  EXPECT_EQ(verdict(*isolator, with({}, {"chown"})), "INVALID_ARGUMENT CAPABILITY_UNKNOWN");
  EXPECT_EQ(verdict(*isolator, with({"ALL"}, {"ALL"})), "INVALID_ARGUMENT CAPABILITY_CONFLICT");
  EXPECT_EQ(verdict(*make_capabilities_isolator(CAP_AUDIT_READ), with({"BPF"}, {})),
            "FAILED_PRECONDITION CAPABILITY_UNSUPPORTED");
  EXPECT_EQ(verdict(*make_capabilities_isolator(CAP_AUDIT_READ), with({}, {"BPF"})), "ok");
}

TEST(Capabilities, OtherUsersThanRootHoldNoneButKeepTheBoundingSet) {
  const auto sets_for = [](std::uint32_t uid) {
    Prepared prepared;
    prepared.builder.set_user_id(uid);
    EXPECT_TRUE(prepared.run(*make_capabilities_isolator(kLast), sample_config()));
    return std::get<plan::Capabilities>(prepared.builder.build().plan.operations.at(0));
  };
  EXPECT_EQ(sets_for(0),
            (plan::Capabilities{.bounding = kDefaultCapabilities,
                                .effective = kDefaultCapabilities,
                                .permitted = kDefaultCapabilities}));
  EXPECT_EQ(sets_for(1000), (plan::Capabilities{.bounding = kDefaultCapabilities}));
}

TEST(Capabilities, NoNewPrivsComesAfterThem) {
  auto config = sample_config();
  config.no_new_privs = true;
  Prepared prepared;
  EXPECT_TRUE(prepared.run(*make_capabilities_isolator(kLast), config));
  EXPECT_EQ(prepared.operations(),
            (std::vector<std::string>{"set capabilities", "set no_new_privs"}));
}

}  // namespace
}  // namespace skerry::isolators
