// What lives on when one of the processes dies, and what dies with which.
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "harness.h"
#include "os/memfd.h"
#include "os/path.h"
#include "os/pidfd.h"
#include "os/socket.h"
#include "plan/codec.h"

namespace skerry::launcher::test {
namespace {

TEST(Survival, ContainersLiveWhenTheLauncherIsKilled) {
  Launcher launcher;
  auto container = launcher.start(TestPlan("sleep 1000"));
  container.expect(ShimMessage::kRunning);
  const pid_t first = launcher.hello().pid;
  auto connection = launcher.connect();
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  EXPECT_TRUE(is_closed(connection.get()));
  connection = launcher.connect();
  EXPECT_NE(launcher.hello().pid, first);
  EXPECT_EQ(launcher.hello().holder_pid, launcher.holder_pid());
  EXPECT_TRUE(*os::is_alive(container.pidfd()));
  EXPECT_TRUE(*os::is_alive(container.shim_pidfd()));

  ASSERT_TRUE(os::send_signal(container.pidfd(), SIGKILL));
  EXPECT_EQ(container.wait_for_exit(), SIGKILL);
  // The holder reaps the orphan: a zombie's pidfd answers too, so look at the parent's view.
  for (int i = 0; i < 1000 && ::kill(container.shim_pid(), 0) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_NE(::kill(container.shim_pid(), 0), 0);
}

TEST(Survival, TheLauncherIsRespawnedAgainAndAgain) {
  Launcher launcher;
  for (int i = 0; i < 3; ++i) {
    const auto connection = launcher.connect();
    ASSERT_EQ(::kill(launcher.hello().pid, SIGKILL), 0);
    EXPECT_TRUE(is_closed(connection.get()));
  }
  EXPECT_EQ(launcher.run("echo fine"), "fine\n");
}

TEST(Survival, ContainersLiveWhenTheHolderIsKilled) {
  Launcher launcher;
  auto container = launcher.start(TestPlan("sleep 1000"));
  container.expect(ShimMessage::kRunning);
  const auto connection = launcher.connect();
  const auto program = os::open_process(launcher.hello().pid);
  ASSERT_TRUE(program);
  ASSERT_EQ(::kill(launcher.holder_pid(), SIGKILL), 0);
  EXPECT_TRUE(wait_for_end(program->pidfd.get()));
  EXPECT_TRUE(*os::is_alive(container.pidfd()));
  ASSERT_TRUE(os::send_signal(container.pidfd(), SIGKILL));
  EXPECT_EQ(container.wait_for_exit(), SIGKILL);
}

TEST(Survival, HolderAndLauncherIgnoreOrdinarySignals) {
  Launcher launcher;
  auto connection = launcher.connect();
  const pid_t before = launcher.hello().pid;
  for (const int signal : {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1}) {
    ASSERT_EQ(::kill(launcher.holder_pid(), signal), 0);
    ASSERT_EQ(::kill(before, signal), 0);
  }
  connection = launcher.connect();
  EXPECT_EQ(launcher.hello().pid, before);
}

TEST(Survival, TheContainerDiesWithItsShim) {
  Launcher launcher;
  auto running = launcher.start(TestPlan("sleep 1000"));
  running.expect(ShimMessage::kRunning);
  TestPlan plan("true");
  plan.plan.hold = true;
  plan.at_end({plan::SetIds{.uid = 1000, .gid = 1000, .groups = {}}});
  auto held = launcher.start(std::move(plan));
  held.expect(ShimMessage::kCreated);
  for (auto* container : {&running, &held}) {
    ASSERT_TRUE(os::send_signal(container->shim_pidfd(), SIGKILL));
    EXPECT_TRUE(wait_for_end(container->pidfd()));
    EXPECT_TRUE(container->closed());
    EXPECT_FALSE(container->record());
  }
}

TEST(Survival, AShimIgnoresOrdinarySignals) {
  Launcher launcher;
  auto container = launcher.start(TestPlan("sleep 1000"));
  container.expect(ShimMessage::kRunning);
  for (const int signal : {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGPIPE})
    ASSERT_TRUE(os::send_signal(container.shim_pidfd(), signal));
  container.disconnect();
  container.reconnect();
  EXPECT_EQ(container.hello().state, ShimState::kRunning);
}

TEST(Survival, TheExitIsRecordedWithNoDaemon) {
  Launcher launcher;
  TestPlan plan("read line; echo $line; exit 3");
  plan.plan.shim.open_stdin = true;
  auto container = launcher.start(std::move(plan));
  container.expect(ShimMessage::kRunning);
  container.send(ShimMessage::kOpenStdin);
  container.expect(ShimMessage::kStdin);
  const auto input = container.take_fd();
  container.disconnect();
  ASSERT_EQ(::write(input.get(), "go\n", 3), 3);
  EXPECT_TRUE(wait_for_end(container.shim_pidfd()));
  const auto record = container.record();
  ASSERT_TRUE(record);
  EXPECT_EQ(WEXITSTATUS(record->status), 3);
  EXPECT_EQ(container.log(), "go\n");
}

TEST(Survival, ANewDaemonIsToldTheState) {
  Launcher launcher;
  TestPlan plan("read line");
  plan.plan.hold = true;
  plan.plan.shim.open_stdin = true;
  auto container = launcher.start(std::move(plan));
  const auto before = container.hello();
  container.expect(ShimMessage::kCreated);
  container.disconnect();
  container.reconnect();
  EXPECT_EQ(container.hello().state, ShimState::kCreated);
  container.send(ShimMessage::kStart);
  container.expect(ShimMessage::kRunning);

  container.disconnect();
  container.reconnect();
  EXPECT_EQ(container.hello().state, ShimState::kRunning);
  EXPECT_EQ(container.hello().pid, before.pid);
  EXPECT_EQ(container.hello().start_ticks, before.start_ticks);
  EXPECT_TRUE(*os::is_alive(container.pidfd()));
  container.send(ShimMessage::kCloseStdin);
  EXPECT_EQ(WEXITSTATUS(container.wait_for_exit()), 1);
}

TEST(Survival, ADaemonThatComesDuringTheDrainIsToldTheExit) {
  Launcher launcher;
  TestPlan plan("sleep 1000 & echo $!; exit 5");
  plan.plan.namespaces &= ~static_cast<std::uint64_t>(CLONE_NEWPID);
  auto container = launcher.start(std::move(plan));
  container.expect(ShimMessage::kRunning);
  container.expect(ShimMessage::kExited);
  container.disconnect();
  container.reconnect();
  EXPECT_EQ(container.hello().state, ShimState::kExited);
  EXPECT_EQ(WEXITSTATUS(container.wait_for_exit()), 5);
  EXPECT_EQ(::kill(std::stoi(container.log()), SIGKILL), 0);
}

TEST(Survival, ANewConnectionReplacesTheOldOne) {
  Launcher launcher;
  auto container = launcher.start(TestPlan("sleep 1000"));
  container.expect(ShimMessage::kRunning);
  const auto first = container.take_control();
  container.reconnect();
  EXPECT_EQ(container.hello().state, ShimState::kRunning);
  EXPECT_TRUE(is_closed(first.get()));
  // The new one is served, and hears of the end.
  container.send(static_cast<ShimMessage>(999));
  container.expect(ShimMessage::kUnknown);
  container.send(ShimMessage::kAbort);
  EXPECT_EQ(container.wait_for_exit(), SIGKILL);
}

LauncherPacket packet_of(LauncherMessage type) {
  LauncherPacket packet;
  packet.type = type;
  packet.plan_version = plan::kPlanVersion;
  return packet;
}

TEST(LauncherProtocol, ReplacesItselfInPlace) {
  Launcher launcher;
  auto container = launcher.start(TestPlan("sleep 1000"));
  container.expect(ShimMessage::kRunning);
  auto connection = launcher.connect();
  const pid_t before = launcher.hello().pid;
  EXPECT_EQ(launcher.hello().build[15], 15);
  auto replace = packet_of(LauncherMessage::kReplace);
  replace.build[15] = 99;
  send_packet(connection.get(), replace, {launcher.program()});
  EXPECT_TRUE(is_closed(connection.get()));
  connection = launcher.connect();
  EXPECT_EQ(launcher.hello().pid, before);
  EXPECT_EQ(launcher.hello().build[15], 99);
  EXPECT_TRUE(*os::is_alive(container.pidfd()));
  EXPECT_EQ(lines_of(read_text("/proc/" + std::to_string(before) + "/mountinfo")).size(), 1U);

  Launcher other;
  EXPECT_EQ(other.run("echo fine"), "fine\n");
}

TEST(LauncherProtocol, RefusesToBecomeWhatIsNotSealed) {
  Launcher launcher;
  const auto connection = launcher.connect();
  const UniqueFd file(::open("/bin/busybox", O_RDONLY | O_CLOEXEC));
  send_packet(connection.get(), packet_of(LauncherMessage::kReplace), {file.get()});
  const auto reply = receive_packet(connection.get());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->type, LauncherMessage::kRefused);
  EXPECT_EQ(reply->sys_errno, EPERM);
}

TEST(LauncherProtocol, ClosesOnWhatIsNoMessageAndLivesOn) {
  Launcher launcher;
  auto connection = launcher.connect();
  const pid_t before = launcher.hello().pid;
  const auto expect_hang_up = [&](std::string_view bytes, const std::vector<int>& fds) {
    const auto hostile = launcher.connect();
    ASSERT_TRUE(os::send_message(hostile.get(), bytes, fds));
    EXPECT_TRUE(is_closed(hostile.get()));
  };
  const auto bytes_of = [](const LauncherPacket& packet) {
    return std::string(reinterpret_cast<const char*>(&packet), sizeof packet);
  };
  expect_hang_up("x", {});
  expect_hang_up(std::string(60'000, 'x'), {});
  expect_hang_up(bytes_of(packet_of(LauncherMessage::kLaunch)) + "x", {});
  expect_hang_up(bytes_of(packet_of(LauncherMessage::kLaunch)), {});
  expect_hang_up(bytes_of(packet_of(LauncherMessage::kReplace)), {});
  auto old = packet_of(LauncherMessage::kLaunch);
  old.version = 0;
  expect_hang_up(bytes_of(old), {0});
  connection = launcher.connect();
  EXPECT_EQ(launcher.hello().pid, before);
}

TEST(LauncherProtocol, AnswersWhatItDoesNotKnow) {
  Launcher launcher;
  const auto connection = launcher.connect();
  auto request = packet_of(static_cast<LauncherMessage>(77));
  request.request = 5;
  send_packet(connection.get(), request, {0, 1, 2});
  const auto reply = receive_packet(connection.get());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->type, LauncherMessage::kUnknown);
  EXPECT_EQ(reply->request, 5U);
}

TEST(LauncherProtocol, RefusesAPlanOfAnotherVersion) {
  Launcher launcher;
  const auto connection = launcher.connect();
  auto request = packet_of(LauncherMessage::kLaunch);
  request.plan_version = plan::kPlanVersion + 1;
  send_packet(connection.get(), request, {0});
  const auto reply = receive_packet(connection.get());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->type, LauncherMessage::kRefused);
}

TEST(LauncherProtocol, AShimEndsOnAPlanThatIsNone) {
  Launcher launcher;
  const auto connection = launcher.connect();
  const auto garbage = os::make_sealed_memfd("plan", std::string(1000, 'x'));
  const UniqueFd open_file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const int plan : {garbage->get(), open_file.get()}) {
    auto [ours, theirs] = *os::make_socket_pair();
    send_packet(connection.get(), packet_of(LauncherMessage::kLaunch), {plan, theirs.get()});
    theirs.reset();
    UniqueFd shim;
    const auto reply = receive_packet(connection.get(), &shim);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->type, LauncherMessage::kLaunched);
    EXPECT_TRUE(is_closed(ours.get()));
    EXPECT_TRUE(wait_for_end(shim.get()));
  }
}

}  // namespace
}  // namespace skerry::launcher::test
