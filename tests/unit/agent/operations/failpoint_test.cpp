#include "agent/operations/failpoint.h"

#include <signal.h>

#include <cerrno>
#include <thread>

#include <gtest/gtest.h>

namespace skerry::operations {
namespace {

using namespace std::chrono_literals;

FailpointRegistry registry() {
  FailpointRegistry points;
  points.declare_step("create.cgroup");
  points.declare("recovery.adopt");
  return points;
}

TEST(FailpointRegistry, ListsEveryPlace) {
  EXPECT_EQ(registry().names(),
            (std::vector<std::string>{
                "create.cgroup", "create.cgroup:after", "create.cgroup:undo", "recovery.adopt"}));
  EXPECT_TRUE(registry().known("recovery.adopt"));
  EXPECT_FALSE(registry().known("recovery"));
}

TEST(FailpointRegistry, DoesNothingUnarmed) { EXPECT_TRUE(registry().hit("create.cgroup")); }

TEST(FailpointRegistry, FailsWhereItIsArmedEveryTime) {
  FailpointRegistry points = registry();
  ASSERT_TRUE(points.arm("create.cgroup=error"));
  for (int i = 0; i < 2; ++i) {
    const Result<> hit = points.hit("create.cgroup");
    ASSERT_FALSE(hit);
    EXPECT_EQ(hit.error().code(), Code::kInternal);
    EXPECT_EQ(hit.error().reason(), "FAILPOINT");
  }
  EXPECT_TRUE(points.hit("create.cgroup:after"));
}

TEST(FailpointRegistry, TakesAnErrnoByNameOrNumber) {
  FailpointRegistry points = registry();
  ASSERT_TRUE(points.arm("create.cgroup=error:ENOSPC"));
  ASSERT_TRUE(points.arm("create.cgroup:after=error:13"));
  EXPECT_EQ(points.hit("create.cgroup").error().sys_errno(), ENOSPC);
  EXPECT_EQ(points.hit("create.cgroup").error().code(), Code::kResourceExhausted);
  EXPECT_EQ(points.hit("create.cgroup:after").error().sys_errno(), EACCES);
}

TEST(FailpointRegistry, RefusesWhatItDoesNotKnow) {
  FailpointRegistry points = registry();
  const Result<> unknown = points.arm("create.cgrup=error");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().reason(), "FAILPOINT_UNKNOWN");
  for (const char* text : {"create.cgroup",
                           "create.cgroup=",
                           "create.cgroup=explode",
                           "create.cgroup=error:",
                           "create.cgroup=error:EWHAT",
                           "create.cgroup=error:0",
                           "create.cgroup=error:-5",
                           "create.cgroup=kill:9",
                           "create.cgroup=delay",
                           "create.cgroup=delay:",
                           "create.cgroup=delay:1s",
                           "create.cgroup=delay:-1"}) {
    const Result<> armed = points.arm(text);
    ASSERT_FALSE(armed) << text;
    EXPECT_EQ(armed.error().reason(), "FAILPOINT_INVALID") << text;
  }
  EXPECT_TRUE(points.hit("create.cgroup"));
}

TEST(FailpointRegistry, DelaysUntilCancelled) {
  FailpointRegistry points = registry();
  ASSERT_TRUE(points.arm("create.cgroup=delay:3600000"));
  runtime::CancelToken cancel;
  std::thread other([&] { cancel.cancel(Error(Code::kCancelled, "stop")); });
  EXPECT_TRUE(points.hit("create.cgroup", &cancel));
  other.join();
}

TEST(FailpointRegistry, DelaysForItsTime) {
  FailpointRegistry points = registry();
  ASSERT_TRUE(points.arm("recovery.adopt=delay:5"));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(points.hit("recovery.adopt"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 5ms);
}

TEST(FailpointRegistryDeathTest, Kills) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  FailpointRegistry points = registry();
  ASSERT_TRUE(points.arm("create.cgroup:undo=kill"));
  EXPECT_EXIT(
      static_cast<void>(points.hit("create.cgroup:undo")), testing::KilledBySignal(SIGKILL), "");
}

}  // namespace
}  // namespace skerry::operations
