#include "os/host_facts.h"

#include <gtest/gtest.h>

#include "os/network.h"

namespace skerry::os {
namespace {

TEST(HostFacts, KnowsTheMachine) {
  const auto facts = probe_host();
  EXPECT_FALSE(facts.kernel_release.empty());
  EXPECT_EQ(facts.boot_id.size(), 36U);
  EXPECT_GE(facts.cpus, 1U);
  EXPECT_GT(facts.memory_total, kMebibyte);
  EXPECT_TRUE(facts.clone3);
  EXPECT_TRUE(facts.openat2);
}

TEST(HostFacts, AnswersTheSameTwice) {
  const auto first = probe_host();
  const auto second = probe_host();
  EXPECT_EQ(first.boot_id, second.boot_id);
  EXPECT_EQ(first.cgroup_controllers, second.cgroup_controllers);
}

TEST(Network, SaysWhenThereIsNoSuchInterface) {
  EXPECT_EQ(set_interface_up("skerry-none").error().code(), Code::kNotFound);
  EXPECT_EQ(set_interface_up("").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(set_interface_up("a-name-that-is-too-long").error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace skerry::os
