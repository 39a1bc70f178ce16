#include "agent/operations/failpoint.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

TEST(FailpointRegistry, KnowsNoUndoOfALastingStep) {
  FailpointRegistry points;
  points.declare_lasting_step("release.run");
  EXPECT_EQ(points.names(), (std::vector<std::string>{"release.run", "release.run:after"}));
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
                           "create.cgroup=stop:1",
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

TEST(FailpointRegistry, TellsWhatHappensBeforeItDoes) {
  FailpointRegistry points = registry();
  std::vector<std::string> told;
  points.on_hit([&](std::string_view name) { told.emplace_back(name); });
  ASSERT_TRUE(points.arm("create.cgroup=error"));
  ASSERT_TRUE(points.arm("create.cgroup:after=delay:0"));
  EXPECT_FALSE(points.hit("create.cgroup"));
  EXPECT_TRUE(points.hit("create.cgroup:after"));
  EXPECT_TRUE(points.hit("recovery.adopt"));
  EXPECT_EQ(told, (std::vector<std::string>{"create.cgroup", "create.cgroup:after"}));
}

// In a child, which is seen to stop and goes on when it is told to.
TEST(FailpointRegistry, StopsUntilItIsContinued) {
  FailpointRegistry points = registry();
  ASSERT_TRUE(points.arm("create.cgroup=stop"));
  constexpr int kWentOn = 7;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(points.hit("create.cgroup") ? kWentOn : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  EXPECT_EQ(WSTOPSIG(status), SIGSTOP);
  ASSERT_EQ(::kill(child, SIGCONT), 0);
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kWentOn);
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
