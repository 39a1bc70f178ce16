// Attached connections: what they get, what they miss, and who waits for whom.
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "attached_reader.h"
#include "harness.h"
#include "os/pidfd.h"

namespace skerry::launcher::test {
namespace {

constexpr std::uint32_t kBoth = kAttachStdout | kAttachStderr;

TestPlan with_stdin(const std::string& script) {
  TestPlan plan(script);
  plan.plan.shim.open_stdin = true;
  return plan;
}

TEST(Attach, GetsBothStreamsFromThenOnAndTheLogHasTheRest) {
  Launcher launcher;
  auto container =
      launcher.start(with_stdin("echo before; read line; echo out; echo err >&2; read line"));
  container.expect(ShimMessage::kRunning);
  while (container.log() != "before\n") ::usleep(1000);
  AttachedReader reader(container, kBoth);
  container.send(ShimMessage::kOpenStdin);
  container.expect(ShimMessage::kStdin);
  const auto input = container.take_fd();
  ASSERT_EQ(::write(input.get(), "a\nb\n", 4), 4);
  EXPECT_EQ(container.wait_for_exit(), 0);
  reader.read_to_end();
  EXPECT_EQ(reader.out(), "out\n");
  EXPECT_EQ(reader.errors(), "err\n");
  EXPECT_EQ(reader.missed(), 0U);
  EXPECT_EQ(container.log_until(reader.position()), "before\n");
}

TEST(Attach, GetsOnlyTheStreamsItWants) {
  Launcher launcher;
  auto container = launcher.start(with_stdin("read line; echo out; echo err >&2"));
  container.expect(ShimMessage::kRunning);
  AttachedReader reader(container, kAttachStderr);
  container.send(ShimMessage::kOpenStdin);
  container.expect(ShimMessage::kStdin);
  ASSERT_EQ(::write(container.take_fd().get(), "\n", 1), 1);
  EXPECT_EQ(container.wait_for_exit(), 0);
  reader.read_to_end();
  EXPECT_EQ(reader.out(), "");
  EXPECT_EQ(reader.errors(), "err\n");
}

TEST(Attach, ASecondOneEndsTheFirst) {
  Launcher launcher;
  auto container = launcher.start(TestPlan("sleep 1000"));
  container.expect(ShimMessage::kRunning);
  AttachedReader first(container, kBoth);
  const AttachedReader second(container, kBoth);
  first.read_to_end();
  EXPECT_EQ(first.out(), "");
}

// The reader reads nothing until the container has ended: it was not waited for, and every byte is
// either there or accounted for.
TEST(Attach, ASlowReaderMissesSomeAndIsTold) {
  Launcher launcher;
  constexpr std::size_t kBytes = 4'000'000;
  auto container = launcher.start(
      with_stdin("read line; yes 0123456789 | head -c 4000000; read line; echo last"));
  container.expect(ShimMessage::kRunning);
  AttachedReader reader(container, kBoth);
  container.send(ShimMessage::kOpenStdin);
  container.expect(ShimMessage::kStdin);
  const auto input = container.take_fd();
  ASSERT_EQ(::write(input.get(), "\n", 1), 1);
  while (container.log().size() < kBytes) ::usleep(10'000);
  ASSERT_EQ(::write(input.get(), "\n", 1), 1);
  container.expect(ShimMessage::kExited);
  reader.read_to_end();
  container.expect(ShimMessage::kLogComplete);
  EXPECT_GT(reader.missed(), kBytes / 2);
  EXPECT_LT(reader.missed(), kBytes);
  EXPECT_EQ(reader.out().size() + reader.missed(), kBytes + 5);
  EXPECT_EQ(container.log().size(), kBytes + 5);
}

TEST(Attach, AReaderThatNeverReadsHoldsNothingUp) {
  Launcher launcher;
  auto container = launcher.start(with_stdin("read line; yes 0123456789 | head -c 4000000"));
  container.expect(ShimMessage::kRunning);
  const AttachedReader reader(container, kBoth);
  container.send(ShimMessage::kOpenStdin);
  container.expect(ShimMessage::kStdin);
  ASSERT_EQ(::write(container.take_fd().get(), "\n", 1), 1);
  EXPECT_EQ(container.wait_for_exit(), 0);
  EXPECT_TRUE(wait_for_end(container.shim_pidfd()));
}

TestPlan lossless(const std::string& script) {
  TestPlan plan(script);
  plan.plan.shim.slow_reader = plan::SlowReader::kIsWaitedFor;
  return plan;
}

TEST(Attach, NothingIsLostBeforeTheFirstReaderComes) {
  Launcher launcher;
  auto container = launcher.start_without_log(lossless("echo early; echo err >&2; exit 4"));
  container.expect(ShimMessage::kRunning);
  EXPECT_EQ(WEXITSTATUS(container.expect(ShimMessage::kExited).status), 4);
  // Longer than a drain takes.
  ::usleep(2'500'000);
  AttachedReader reader(container, kBoth);
  reader.read_to_end();
  EXPECT_EQ(reader.out(), "early\n");
  EXPECT_EQ(reader.errors(), "err\n");
  container.expect(ShimMessage::kLogComplete);
}

TEST(Attach, AProcessWaitsForItsReaderWhenAsked) {
  Launcher launcher;
  constexpr std::size_t kBytes = 3'000'000;
  auto container = launcher.start_without_log(lossless("yes 0123456789 | head -c 3000000"));
  container.expect(ShimMessage::kRunning);
  {
    // One that comes and goes takes what it was sent with it, and no more.
    const AttachedReader nobody(container, kBoth);
  }
  ::usleep(300'000);
  EXPECT_TRUE(*os::is_alive(container.pidfd()));
  AttachedReader reader(container, kBoth);
  ::usleep(300'000);
  EXPECT_TRUE(*os::is_alive(container.pidfd()));
  reader.read_to_end();
  EXPECT_EQ(reader.missed(), 0U);
  EXPECT_GT(reader.out().size(), kBytes - 600'000);
  EXPECT_EQ(container.wait_for_exit(), 0);
}

TEST(Attach, WaitingEndsWhenNobodyWillRead) {
  Launcher launcher;
  auto container = launcher.start_without_log(lossless("yes 0123456789 | head -c 3000000"));
  container.expect(ShimMessage::kRunning);
  container.send_packet(AttachPacket{});
  container.expect(ShimMessage::kAttached);
  EXPECT_EQ(container.wait_for_exit(), 0);
  EXPECT_TRUE(container.closed());
}

TEST(Attach, AReaderWaitedForBesideALogIsRefused) {
  Launcher launcher;
  auto plan = lossless("true");
  auto container = launcher.launch(plan);
  const auto failed = container.expect(ShimMessage::kFailed);
  EXPECT_EQ(failed.operation, kFailedPlan);
  EXPECT_EQ(failed.sys_errno, EINVAL);
}

}  // namespace
}  // namespace skerry::launcher::test
