// Terminals: the container's own devpts, its window size, and what a hostile container can do to
// it.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "attached_reader.h"
#include "harness.h"
#include "os/pidfd.h"

namespace skerry::launcher::test {
namespace {

plan::Operation devpts() {
  return plan::MountPseudo{.type = "devpts",
                           .target = "/dev/pts",
                           .flags = MS_NOSUID | MS_NOEXEC,
                           .data = "ptmxmode=0666,mode=0620,gid=5"};
}

TestPlan terminal_plan(const std::string& script) {
  TestPlan plan(script);
  plan.before_enter_root({devpts()});
  plan.plan.shim.terminal = {.wanted = true, .rows = 33, .columns = 101, .devpts = plan::kNoFd};
  plan.plan.shim.open_stdin = true;
  return plan;
}

void resize(Container& container, std::uint16_t rows, std::uint16_t columns) {
  ResizePacket packet;
  packet.rows = rows;
  packet.columns = columns;
  container.send_packet(packet);
}

UniqueFd open_input(Container& container) {
  container.send(ShimMessage::kOpenStdin);
  container.expect(ShimMessage::kStdin);
  return container.take_fd();
}

TEST(Terminal, IsTheStandardStreamsAndControlsThem) {
  Launcher launcher;
  auto container = launcher.start(terminal_plan(
      "tty; stty size; echo err >&2; readlink /proc/self/fd/0; set -- $(cat /proc/$$/stat); echo "
      "$6 $7; "
      "echo console > /dev/console; stat -c %t:%T /dev/console; ls /proc/$$/fd; true"));
  EXPECT_EQ(
      container.run(),
      "/dev/pts/0\r\n33 101\r\nerr\r\n/dev/pts/0\r\n1 34816\r\nconsole\r\n88:0\r\n0  1  2\r\n");
}

TEST(Terminal, TakesInputAndResizes) {
  Launcher launcher;
  auto container = launcher.start(
      terminal_plan("stty -echo; echo ready; read line; echo got $line; stty size; exit 6"));
  container.expect(ShimMessage::kRunning);
  AttachedReader reader(container, kAttachStdout);
  const auto input = open_input(container);
  while (container.log().find("ready") == std::string::npos) ::usleep(10'000);
  resize(container, 50, 132);
  ASSERT_EQ(::write(input.get(), "hello\n", 6), 6);
  EXPECT_EQ(WEXITSTATUS(container.wait_for_exit()), 6);
  reader.read_to_end();
  EXPECT_NE(reader.out().find("got hello\r\n50 132\r\n"), std::string::npos) << reader.out();
  EXPECT_NE(container.log().find("got hello\r\n50 132\r\n"), std::string::npos);
}

TEST(Terminal, InterruptsByItsCharacter) {
  Launcher launcher;
  auto container =
      launcher.start(terminal_plan("trap 'echo interrupted; exit 8' INT; echo ready; "
                                   "while :; do sleep 0.1; done"));
  container.expect(ShimMessage::kRunning);
  const auto input = open_input(container);
  while (container.log().find("ready") == std::string::npos) ::usleep(10'000);
  ASSERT_EQ(::write(input.get(), "\x03", 1), 1);
  EXPECT_EQ(WEXITSTATUS(container.wait_for_exit()), 8);
}

TEST(Terminal, BelongsToTheUser) {
  Launcher launcher;
  auto plan = terminal_plan("stat -c %u:%g:%a /dev/pts/0");
  plan.at_end({plan::SetIds{.uid = 1000, .gid = 1000, .groups = {}}});
  EXPECT_EQ(launcher.start(std::move(plan)).run(), "1000:5:620\r\n");
}

// CVE-2025-52565: what the image has at /dev/console is neither followed nor covered.
TEST(Terminal, AConsoleOfTheImageIsLeftAlone) {
  Launcher launcher;
  auto plan = terminal_plan(
      "ls -l /dev/console | tr -s ' ' | tr ' ' '\\n' | tail -n 1; "
      "cat /tmp/target; mount | grep -c target; true");
  plan.before_enter_root({plan::MakeDir{.path = "/tmp"},
                          plan::Symlink{.target = "/tmp/target", .path = "/dev/console"}});
  const UniqueFd target(
      ::openat(plan.fds[0].get(), "tmp/target", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  ASSERT_EQ(::write(target.get(), "safe\n", 5), 5);
  EXPECT_EQ(launcher.start(std::move(plan)).run(), "/tmp/target\r\nsafe\r\n0\r\n");
}

TEST(Terminal, OutlivesThatTheProgramClosesIt) {
  Launcher launcher;
  auto container = launcher.start(
      terminal_plan("exec </dev/null >/dev/null 2>&1; sleep 0.5; echo again > /dev/pts/0"));
  EXPECT_EQ(container.run(), "again\r\n");
}

TEST(Terminal, WithoutADevptsIsAFailureOfItsOwn) {
  Launcher launcher;
  TestPlan plan("true");
  plan.plan.shim.terminal = {.wanted = true, .rows = 1, .columns = 1, .devpts = plan::kNoFd};
  auto container = launcher.start(std::move(plan));
  EXPECT_EQ(container.expect(ShimMessage::kFailed).operation, kFailedTerminal);
}

TEST(Terminal, WhereThereIsNoneIsRefused) {
  Launcher launcher;
  auto container = launcher.start(TestPlan("sleep 1000"));
  container.expect(ShimMessage::kRunning);
  resize(container, 1, 1);
  EXPECT_EQ(container.expect(ShimMessage::kRefused).sys_errno, ENOTTY);
  container.send(ShimMessage::kGetDevpts);
  EXPECT_EQ(container.expect(ShimMessage::kRefused).sys_errno, ENOENT);
}

// An exec's terminal in a container that has none itself.
TestPlan exec_with_terminal(Container& container, const std::string& script) {
  container.send(ShimMessage::kGetDevpts);
  container.expect(ShimMessage::kDevpts);
  auto plan = exec_plan(container, script);
  plan.plan.shim.terminal = {
      .wanted = true, .rows = 20, .columns = 70, .devpts = plan.add(container.take_fd())};
  return plan;
}

TEST(ExecTerminal, IsOfTheContainersDevpts) {
  Launcher launcher;
  TestPlan target("sleep 1000");
  target.before_enter_root({devpts()});
  auto container = launcher.start(std::move(target));
  container.expect(ShimMessage::kRunning);
  EXPECT_EQ(launcher.start(exec_with_terminal(container, "tty; stty size; ls /dev/pts")).run(),
            "/dev/pts/0\r\n20 70\r\n0     ptmx\r\n");
}

// Its root may mount; what it puts in place of its devpts is not what the terminal is made of.
TEST(ExecTerminal, IsNotOfWhatAHostileContainerPutsThere) {
  Launcher launcher;
  TestPlan target(
      "mkdir /tmp/pts; echo fake > /tmp/pts/ptmx; mount -o bind /tmp/pts /dev/pts; "
      "echo done; sleep 1000");
  target.before_enter_root({devpts()});
  auto container = launcher.start(std::move(target));
  container.expect(ShimMessage::kRunning);
  while (container.log() != "done\n") ::usleep(10'000);
  EXPECT_EQ(launcher.start(exec_with_terminal(container, "stty size; cat /dev/pts/ptmx")).run(),
            "20 70\r\nfake\r\n");
}

TEST(ExecTerminal, IsRefusedWhereThePtmxIsCovered) {
  Launcher launcher;
  TestPlan target(
      "echo fake > /tmp/ptmx; mount -o bind /tmp/ptmx /dev/pts/ptmx; echo done; "
      "sleep 1000");
  target.before_enter_root({devpts()});
  auto container = launcher.start(std::move(target));
  container.expect(ShimMessage::kRunning);
  while (container.log() != "done\n") ::usleep(10'000);
  auto exec = launcher.start(exec_with_terminal(container, "true"));
  const auto failed = exec.expect(ShimMessage::kFailed);
  EXPECT_EQ(failed.operation, kFailedTerminal);
  EXPECT_EQ(failed.sys_errno, EXDEV);
}

}  // namespace
}  // namespace skerry::launcher::test
