#include "isolators/plan_builder.h"

#include <fcntl.h>
#include <sched.h>

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "fixtures.h"
#include "isolators/isolator.h"

namespace skerry::isolators {
namespace {

TEST(PlanBuilder, OrdersByPhaseAndKeepsTheOrderWithin) {
  PlanBuilder builder;
  builder.add(Phase::kEnterRoot, plan::EnterRoot{});
  builder.add(Phase::kNamespaces, plan::Hostname{.name = "one"});
  builder.add(Phase::kKernel, plan::OomScoreAdj{.value = 1});
  builder.add(Phase::kMounts, plan::MakeDir{.path = "/a"});
  builder.add(Phase::kNamespaces, plan::LoopbackUp{});
  const auto built = builder.build();
  EXPECT_EQ(built.plan.operations,
            (std::vector<plan::Operation>{plan::Hostname{.name = "one"},
                                          plan::LoopbackUp{},
                                          plan::OomScoreAdj{.value = 1},
                                          plan::MakeDir{.path = "/a"},
                                          plan::EnterRoot{}}));
}

TEST(PlanBuilder, KeepsDescriptorsUntilBuild) {
  PlanBuilder builder;
  UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = null.get();
  const auto index = builder.add_fd(std::move(null));
  EXPECT_EQ(index, 0);
  EXPECT_EQ(builder.fd(index), number);
  const auto built = builder.build();
  ASSERT_EQ(built.fds.size(), 1U);
  EXPECT_EQ(built.fds[0].get(), number);
}

TEST(PlanBuilder, BuildEmptiesIt) {
  PlanBuilder builder;
  builder.add_namespaces(CLONE_NEWNS);
  builder.add_namespaces(CLONE_NEWPID);
  builder.set_user_id(5);
  builder.add(Phase::kRoot, plan::EnterRoot{});
  builder.plan().uid = "u";
  EXPECT_EQ(builder.build().plan.namespaces, std::uint64_t{CLONE_NEWNS | CLONE_NEWPID});
  EXPECT_EQ(builder.user_id(), 0U);
  EXPECT_EQ(builder.root(), plan::kNoFd);
  EXPECT_EQ(builder.build().plan, plan::LaunchPlan{});
}

TEST(Chain, RespectsAfterAndNamesEachOnce) {
  const auto chain = make_isolators(test::sample_host());
  ASSERT_TRUE(chain) << chain.error().message();
  std::set<std::string_view> seen;
  for (const auto& isolator : *chain) {
    for (const auto name : isolator->after()) EXPECT_TRUE(seen.contains(name)) << name;
    EXPECT_TRUE(seen.insert(isolator->name()).second) << isolator->name();
  }
  EXPECT_EQ(seen.size(), 12U);
}

TEST(Chain, RefusesAHostThatLacksSomethingByName) {
  auto host = test::sample_host();
  host.openat2 = false;
  const auto without_call = make_isolators(host);
  ASSERT_FALSE(without_call);
  EXPECT_EQ(without_call.error().message(), "openat2(2): this kernel has none");
  host = test::sample_host();
  host.cgroup_controllers = {"cpu", "pids"};
  const auto without_controller = make_isolators(host);
  ASSERT_FALSE(without_controller);
  EXPECT_EQ(without_controller.error().message(),
            "cgroup controller \"memory\": not available on this host");
}

}  // namespace
}  // namespace skerry::isolators
