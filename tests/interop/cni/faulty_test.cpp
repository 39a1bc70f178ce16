// Plugins that misbehave: a clear error, and nothing left.
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include <fmt/format.h>

#include "os/spawn.h"
#include "tests/interop/cni/host.h"

namespace skerry::cni::test {
namespace {

using std::chrono::milliseconds;

class FaultyTest : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (runtime_ != nullptr) netns_.emplace();
  }

  /// The error of an ADD in that mode, after which nothing is left and DEL was called once.
  Error failure(const std::string& mode, milliseconds deadline = std::chrono::seconds(30)) {
    const NetworkList list = faulty_network(mode);
    const Attachment each = attachment(list, *netns_);
    const auto attached = runtime_->attach(list, each, call(deadline));
    EXPECT_FALSE(attached) << mode;
    expect_no_operation();
    expect_no_trace(list, each.container);
    EXPECT_EQ(faulty_calls(), fmt::format("ADD {0}\nDEL {0}\n", each.container)) << mode;
    ::unlinkat(dir_->fd(), "calls", 0);
    return attached ? Error(Code::kUnknown, "none") : attached.error();
  }
  std::string reason(const std::string& mode) { return failure(mode).reason(); }

  std::optional<Netns> netns_;
};

TEST_F(FaultyTest, AnswersThatAreNoneAreErrors) {
  EXPECT_EQ(reason("garbage"), "CNI_RESULT_INVALID");
  EXPECT_EQ(reason("nothing"), "CNI_RESULT_INVALID");
  EXPECT_EQ(reason("long"), "CNI_OUTPUT_TOO_LONG");
  EXPECT_EQ(reason("no_address"), "CNI_NO_ADDRESS");
}

TEST_F(FaultyTest, FailuresSayWhatThePluginSaid) {
  EXPECT_EQ(reason("crash"), "CNI_PLUGIN_CRASHED");
  const Error later = failure("later");
  EXPECT_EQ(later.reason(), "CNI_TRY_LATER");
  EXPECT_TRUE(later.retryable());
  EXPECT_EQ(failure("mute").message(),
            "network \"faulty\": plugin \"faulty\": ADD: exit code 3; it said: cannot reach the "
            "datastore");
}

TEST_F(FaultyTest, OneThatHangsIsKilledAtTheDeadline) {
  const Error hung = failure("hang", milliseconds(1500));
  EXPECT_EQ(hung.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(hung.reason(), "CNI_DEADLINE");
  EXPECT_NE(hung.message().find("waiting for the moon"), std::string::npos) << hung.message();
  EXPECT_EQ(failure("ignore_term", milliseconds(1500)).reason(), "CNI_DEADLINE");
  EXPECT_EQ(failure("fork_and_hang", milliseconds(1500)).reason(), "CNI_DEADLINE");
}

TEST_F(FaultyTest, WhatItLeavesRunningIsKilled) {
  const NetworkList list = faulty_network("leave_child");
  const Attachment each = attachment(list, *netns_);
  const auto attached = attach(list, each);
  ASSERT_TRUE(attached) << attached.error().message();
  expect_no_operation();
  EXPECT_TRUE(detach(each));
}

TEST_F(FaultyTest, AnUndoThatFailsIsToldAndOwed) {
  const NetworkList list = faulty_network("later");
  const Attachment each = attachment(list, *netns_);
  dir_->write("calls.refuse", "");
  const auto attached = attach(list, each);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().reason(), "CNI_TRY_LATER");
  EXPECT_NE(attached.error().message().find("no quorum"), std::string::npos);
  EXPECT_NE(attached.error().message().find("its undo failed too"), std::string::npos);
  EXPECT_NE(attached.error().message().find("will not forget"), std::string::npos);
  EXPECT_FALSE(detach(each));
  EXPECT_TRUE(runtime_->cache().load(list.name, each.container, "eth0"));
  ::unlinkat(dir_->fd(), "calls.refuse", 0);
  EXPECT_TRUE(detach(each));
  expect_no_trace(list, each.container);
}

TEST_F(FaultyTest, AnUnknownContainerIsDetached) {
  const NetworkList list = faulty_network("unknown");
  const Attachment each = attachment(list, *netns_);
  const auto attached = attach(list, each);
  ASSERT_TRUE(attached) << attached.error().message();
  EXPECT_TRUE(detach(each));
  expect_no_trace(list, each.container);
}

TEST_F(FaultyTest, AMissingPluginIsNamedBeforeAnythingRuns) {
  const auto list = parse_network_list(
      R"({"name":"holey","cniVersion":"1.0.0","plugins":[{"type":"faulty"},{"type":"nobody"}]})");
  ASSERT_TRUE(list);
  const auto attached = attach(*list, attachment(*list, *netns_));
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().reason(), "CNI_PLUGIN_MISSING");
  EXPECT_NE(attached.error().message().find("network \"holey\": plugin \"nobody\" is not in"),
            std::string::npos);
  EXPECT_EQ(faulty_calls(), "");
}

TEST_F(FaultyTest, AStopEndsAnAddThatHangs) {
  const NetworkList list = faulty_network("hang");
  const Attachment each = attachment(list, *netns_);
  std::stop_source source;
  CallOptions options = call();
  options.stop = source.get_token();
  std::jthread canceller([&] {
    // The plugin notes its call before it hangs.
    while (faulty_calls().empty()) std::this_thread::yield();
    source.request_stop();
    EXPECT_TRUE(runner_->kill(options.operation));
  });
  const auto attached = runtime_->attach(list, each, options);
  canceller.join();
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code(), Code::kCancelled) << attached.error().message();
  expect_no_trace(list, each.container);
}

TEST_F(FaultyTest, LeftoversOfAnEarlierLifeAreKilled) {
  ASSERT_TRUE(cgroups_->make_branch(scope_ + "/plugins"));
  const auto group = cgroups_->make_leaf(scope_ + "/plugins/old");
  ASSERT_TRUE(group) << group.error().message();
  const auto join = (*group)->join();
  ASSERT_TRUE(join);
  os::Command command;
  command.program = "/bin/sleep";
  command.arguments = {"sleep", "1000"};
  command.cgroup = &*join;
  const auto process = os::spawn(command);
  ASSERT_TRUE(process) << process.error().message();
  const auto killed = runner_->kill_leftovers();
  EXPECT_TRUE(killed) << killed.error().message();
  const auto status = os::wait_and_reap(process->pidfd.get());
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal, SIGKILL);
  expect_no_operation();
}

}  // namespace
}  // namespace skerry::cni::test
