// Processes that are cloned before it is known what for.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>

#include "harness.h"
#include "os/pidfd.h"

namespace skerry::launcher::test {
namespace {

TEST(Standby, RunsThePlanItIsFilledWith) {
  Launcher launcher;
  TestPlan plan("echo $$; echo more; exit 0");
  auto container = launcher.stand_by(plan);
  const pid_t pid = container.pid();
  container.fill(std::move(plan));
  container.take_hello();
  EXPECT_EQ(container.pid(), pid) << "the process that stood by is the container's";
  EXPECT_EQ(container.run(), "1\nmore\n");
  EXPECT_EQ(container.record()->status, 0);
}

TEST(Standby, HoldsAtTheBarrierWhenThePlanSaysSo) {
  Launcher launcher;
  TestPlan plan("echo go");
  plan.plan.hold = true;
  auto container = launcher.stand_by(plan);
  container.fill(std::move(plan));
  container.take_hello();
  container.expect(ShimMessage::kCreated);
  EXPECT_EQ(container.log(), "");
  container.send(ShimMessage::kStart);
  EXPECT_EQ(container.run(), "go\n");
}

TEST(Standby, ReadsStandardInput) {
  Launcher launcher;
  TestPlan plan("cat");
  plan.plan.shim.open_stdin = true;
  auto container = launcher.stand_by(plan);
  container.fill(std::move(plan));
  container.take_hello();
  container.expect(ShimMessage::kRunning);
  container.send(ShimMessage::kOpenStdin);
  container.expect(ShimMessage::kStdin);
  {
    const UniqueFd input = container.take_fd();
    ASSERT_EQ(::write(input.get(), "typed\n", 6), 6);
  }
  container.send(ShimMessage::kCloseStdin);
  EXPECT_EQ(container.wait_for_exit(), 0);
  EXPECT_EQ(container.log(), "typed\n");
}

std::vector<std::string> descriptors_of(pid_t pid) {
  std::vector<std::string> targets;
  std::error_code error;
  const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    targets.push_back(std::filesystem::read_symlink(entry.path(), error).string());
  }
  return targets;
}

TEST(Standby, HoldsNothingWhileItWaits) {
  Launcher launcher;
  const auto container = launcher.stand_by(TestPlan("true"));
  // Hello says that it is cloned, not that it has got where it waits.
  constexpr std::size_t kStdioAndItsShim = 4;
  constexpr int kLooks = 200;
  for (int i = 0; i < kLooks && descriptors_of(container.pid()).size() != kStdioAndItsShim; ++i)
    ::usleep(50'000);
  const auto targets = descriptors_of(container.pid());
  EXPECT_EQ(targets.size(), kStdioAndItsShim);
  for (const auto& target : targets)
    // The launcher's own null device has this path.
    EXPECT_TRUE(target == "/null" || target.starts_with("socket:")) << target;
}

TEST(Standby, EndsWithTheDaemon) {
  Launcher launcher;
  auto container = launcher.stand_by(TestPlan("true"));
  container.disconnect();
  EXPECT_TRUE(wait_for_end(container.shim_pidfd()));
  EXPECT_TRUE(wait_for_end(container.pidfd()));
}

TEST(Standby, EndsWithItsProcess) {
  Launcher launcher;
  auto container = launcher.stand_by(TestPlan("true"));
  ASSERT_TRUE(os::send_signal(container.pidfd(), SIGKILL));
  EXPECT_TRUE(wait_for_end(container.shim_pidfd()));
  EXPECT_TRUE(container.closed());
}

TEST(Standby, RefusesAPlanOfOtherNamespaces) {
  Launcher launcher;
  TestPlan plan("true");
  auto container = launcher.stand_by(plan);
  plan.plan.namespaces &= ~static_cast<std::uint64_t>(CLONE_NEWIPC);
  container.fill(std::move(plan));
  EXPECT_EQ(container.expect(ShimMessage::kFailed).operation, kFailedPlan);
  EXPECT_TRUE(wait_for_end(container.pidfd()));
}

TEST(Standby, RefusesThePlanOfAnotherContainer) {
  Launcher launcher;
  auto container = launcher.stand_by(TestPlan("true"));
  container.fill(TestPlan("true"));
  EXPECT_EQ(container.expect(ShimMessage::kFailed).operation, kFailedPlan);
  EXPECT_TRUE(wait_for_end(container.pidfd()));
}

TEST(Standby, TellsWhatFails) {
  Launcher launcher;
  TestPlan plan("true");
  plan.plan.exec.arguments = {"/no/such/program"};
  auto container = launcher.stand_by(plan);
  container.fill(std::move(plan));
  container.take_hello();
  const auto failed = container.expect(ShimMessage::kFailed);
  EXPECT_EQ(failed.operation, kFailedExec);
  EXPECT_EQ(failed.sys_errno, ENOENT);
}

}  // namespace
}  // namespace skerry::launcher::test
