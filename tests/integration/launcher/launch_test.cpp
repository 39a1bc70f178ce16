// What a launch does and reports, from Hello to LogComplete.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "harness.h"
#include "os/mount.h"
#include "os/path.h"
#include "os/pidfd.h"

namespace skerry::launcher::test {
namespace {

using Lines = std::vector<std::string>;

TEST(Launch, RunsAndTellsTheExitCode) {
  Launcher launcher;
  auto container = launcher.start(TestPlan("echo hello; echo oops >&2; exit 7"));
  EXPECT_EQ(container.hello().state, ShimState::kSettingUp);
  EXPECT_EQ(container.hello().shim_pid, container.shim_pid());
  EXPECT_GT(container.expect(ShimMessage::kRunning).time_ns, 0U);
  const int status = container.wait_for_exit();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_TRUE(container.closed());
  const auto record = container.record();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->status, status);
  EXPECT_EQ(record->log_dropped, 0U);
  EXPECT_NE(container.log().find("hello\n"), std::string::npos);
  EXPECT_NE(container.log().find("oops\n"), std::string::npos);
}

TEST(Launch, TellsTheSignal) {
  Launcher launcher;
  auto container = launcher.start(TestPlan("sleep 1000"));
  container.expect(ShimMessage::kRunning);
  ASSERT_TRUE(os::send_signal(container.pidfd(), SIGKILL));
  const int status = container.wait_for_exit();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

void expect_exec_failure(Launcher& launcher, TestPlan plan, int sys_errno) {
  auto container = launcher.start(std::move(plan));
  const auto failed = container.expect(ShimMessage::kFailed);
  EXPECT_EQ(failed.operation, kFailedExec);
  EXPECT_EQ(failed.sys_errno, sys_errno);
  EXPECT_TRUE(container.closed());
  EXPECT_FALSE(container.record());
  EXPECT_TRUE(wait_for_end(container.shim_pidfd()));
}

TEST(Launch, TellsWhyExecFailed) {
  Launcher launcher;
  for (const auto* program : {"missing", "/bin/missing"}) {
    TestPlan plan("");
    plan.plan.exec.arguments = {program};
    expect_exec_failure(launcher, std::move(plan), ENOENT);
  }
  for (const auto* program : {"notes", "/etc/notes", "/etc"}) {
    TestPlan plan("");
    const UniqueFd file(
        ::openat(plan.fds[0].get(), "etc/notes", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    ASSERT_TRUE(file);
    plan.plan.exec.environment = {"PATH=/etc:/bin"};
    plan.plan.exec.arguments = {program};
    expect_exec_failure(launcher, std::move(plan), EACCES);
  }
}

TEST(Launch, SearchesTheNewPathInsideTheRoot) {
  Launcher launcher;
  TestPlan plan("");
  plan.plan.exec = {.arguments = {"echo", "found"}, .environment = {"PATH=/nowhere::/bin"}};
  EXPECT_EQ(launcher.start(std::move(plan)).run(), "found\n");
}

TEST(Launch, TellsWhichOperationFailed) {
  Launcher launcher;
  TestPlan plan("true");
  plan.before_enter_root(
      {plan::MakeDir{.path = "/tmp/a"},
       plan::MountPseudo{.type = "nosuchfs", .target = "/tmp/a", .flags = 0, .data = ""}});
  auto container = launcher.start(std::move(plan));
  const auto failed = container.expect(ShimMessage::kFailed);
  EXPECT_EQ(failed.operation, 4);
  EXPECT_EQ(failed.sys_errno, ENODEV);
}

TEST(Launch, RefusesPlansThatWouldTouchTheLauncher) {
  Launcher launcher;
  TestPlan no_namespace("true");
  no_namespace.plan.namespaces = 0;
  TestPlan user_namespace("true");
  user_namespace.plan.namespaces |= CLONE_NEWUSER;
  for (auto* plan : {&no_namespace, &user_namespace}) {
    auto container = launcher.launch(*plan);
    const auto failed = container.expect(ShimMessage::kFailed);
    EXPECT_EQ(failed.operation, kFailedPlan);
    EXPECT_EQ(failed.sys_errno, EINVAL);
  }
  EXPECT_EQ(launcher.run("echo fine"), "fine\n");
}

TEST(Launch, WaitsAtTheBarrier) {
  Launcher launcher;
  TestPlan plan("echo started");
  plan.plan.hold = true;
  auto container = launcher.start(std::move(plan));
  container.expect(ShimMessage::kCreated);
  EXPECT_EQ(container.hello().start_ticks, *os::read_start_ticks(container.pid()));
  EXPECT_EQ(container.log(), "");
  EXPECT_TRUE(*os::is_alive(container.pidfd()));
  container.send(ShimMessage::kStart);
  EXPECT_EQ(container.run(), "started\n");
}

TEST(Launch, AStartThatComesEarlyCounts) {
  Launcher launcher;
  TestPlan plan("true");
  plan.plan.hold = true;
  auto container = launcher.launch(plan);
  container.send(ShimMessage::kStart);
  container.expect(ShimMessage::kHello);
  container.expect(ShimMessage::kCreated);
  container.expect(ShimMessage::kRunning);
  EXPECT_EQ(container.wait_for_exit(), 0);
}

TEST(Launch, AbortEndsWhatIsHeldAndWhatRuns) {
  Launcher launcher;
  TestPlan held("true");
  held.plan.hold = true;
  auto first = launcher.start(std::move(held));
  first.expect(ShimMessage::kCreated);
  first.send(ShimMessage::kAbort);
  const auto failed = first.expect(ShimMessage::kFailed);
  EXPECT_EQ(failed.operation, kFailedKilled);
  EXPECT_EQ(failed.status, SIGKILL);

  auto second = launcher.start(TestPlan("sleep 1000"));
  second.expect(ShimMessage::kRunning);
  second.send(ShimMessage::kAbort);
  EXPECT_EQ(second.wait_for_exit(), SIGKILL);
}

TEST(Launch, GivesStdinToTheDaemon) {
  Launcher launcher;
  TestPlan plan("cat; echo end");
  plan.plan.shim.open_stdin = true;
  auto container = launcher.start(std::move(plan));
  container.expect(ShimMessage::kRunning);
  for (const auto* text : {"one\n", "two\n"}) {
    container.send(ShimMessage::kOpenStdin);
    container.expect(ShimMessage::kStdin);
    const auto input = container.take_fd();
    ASSERT_TRUE(input);
    ASSERT_EQ(::write(input.get(), text, 4), 4);
  }
  container.send(ShimMessage::kCloseStdin);
  EXPECT_EQ(container.wait_for_exit(), 0);
  EXPECT_EQ(container.log(), "one\ntwo\nend\n");
}

TEST(Launch, WithoutStdinItReadsNothing) {
  Launcher launcher;
  EXPECT_EQ(launcher.run("cat; echo end"), "end\n");
}

TEST(Launch, LogsTenMegabytesWhole) {
  Launcher launcher;
  TestPlan plan("yes 0123456789012345678901234567890123456789012345678 | head -c 10000000");
  plan.plan.shim.log.max_bytes = 4 << 20;
  plan.plan.shim.log.max_files = 10;
  auto container = launcher.launch(plan);
  container.expect(ShimMessage::kHello);
  container.expect(ShimMessage::kRunning);
  EXPECT_EQ(container.wait_for_exit(), 0);
  EXPECT_EQ(container.log().size(), 10'000'000U);
}

TEST(Launch, PassesAMebibyteOfArguments) {
  Launcher launcher;
  TestPlan plan(R"(echo $# ${#1})");
  plan.plan.exec.arguments.emplace_back("sh");
  for (int i = 0; i < 9; ++i) plan.plan.exec.arguments.emplace_back(120UL * 1024, 'x');
  EXPECT_EQ(launcher.start(std::move(plan)).run(), "9 122880\n");
}

TEST(Launch, AnUnknownMessageIsAnsweredAndNotFatal) {
  Launcher launcher;
  TestPlan plan("echo fine");
  plan.plan.hold = true;
  auto container = launcher.start(std::move(plan));
  container.expect(ShimMessage::kCreated);
  container.send(static_cast<ShimMessage>(999));
  container.expect(ShimMessage::kUnknown);
  container.send(ShimMessage::kStart);
  EXPECT_EQ(container.run(), "fine\n");
}

// A background process outside of a pid namespace outlives the container and keeps its pipe.
TEST(Launch, DoesNotWaitForEverForAPipeSomebodyHolds) {
  Launcher launcher;
  TestPlan plan("sleep 1000 & echo $!");
  plan.plan.namespaces &= ~static_cast<std::uint64_t>(CLONE_NEWPID);
  auto container = launcher.start(std::move(plan));
  container.expect(ShimMessage::kRunning);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(container.wait_for_exit(), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1900));
  const int sleeper = std::stoi(container.log());
  ASSERT_GT(sleeper, 1);
  EXPECT_EQ(::kill(sleeper, SIGKILL), 0);
}

constexpr Bytes kSmallDisk{128UL * 1024};

TEST(LaunchLog, DropsAndCountsOnAFullDisk) {
  Launcher launcher;
  TestPlan plan("yes 0123456789 | head -c 1000000");
  plan.plan.shim.log.directory = plan.add(std::move(*os::make_tmpfs({.size = kSmallDisk})));
  plan.plan.shim.log.overflow = plan::LogOverflow::kDrop;
  auto container = launcher.start(std::move(plan));
  container.expect(ShimMessage::kRunning);
  EXPECT_EQ(container.expect(ShimMessage::kExited).status, 0);
  const auto dropped = container.expect(ShimMessage::kLogComplete).log_dropped;
  EXPECT_GT(dropped, 10'000U);
  EXPECT_TRUE(wait_for_end(container.shim_pidfd()));
  EXPECT_EQ(container.record()->log_dropped, dropped);
  const auto kept = lines_of(container.log());
  EXPECT_GT(kept.size(), 1000U);
}

TEST(LaunchLog, BlocksOnAFullDiskAndLosesNothing) {
  Launcher launcher;
  TestPlan plan("yes 0123456789 | head -c 300000; echo done");
  auto disk = std::move(*os::make_tmpfs({.size = Bytes(4UL << 20U)}));
  const UniqueFd filler(::openat(disk.get(), "filler", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_EQ(::fallocate(filler.get(), 0, 0, (4 << 20) - 65536), 0);
  plan.plan.shim.log.directory = plan.add(std::move(disk));
  auto container = launcher.start(std::move(plan));
  container.expect(ShimMessage::kRunning);
  // It cannot end: its pipe is full and the shim takes nothing out.
  ::usleep(500'000);
  EXPECT_TRUE(*os::is_alive(container.pidfd()));
  ASSERT_EQ(::ftruncate(filler.get(), 0), 0);
  EXPECT_EQ(container.expect(ShimMessage::kExited).status, 0);
  EXPECT_EQ(container.expect(ShimMessage::kLogComplete).log_dropped, 0U);
  EXPECT_EQ(container.log().size(), 300'000U + 5U);
}

}  // namespace
}  // namespace skerry::launcher::test
