// The first process of a pod's shared pid namespace.
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "harness.h"
#include "os/path.h"
#include "os/pidfd.h"

namespace skerry::launcher::test {
namespace {

TestPlan init_plan() {
  TestPlan plan("");
  plan.plan.init = true;
  plan.plan.exec = {};
  plan.at_end({plan::Capabilities{}, plan::NoNewPrivs{}});
  return plan;
}

TestPlan member(const Container& init, const std::string& script) {
  TestPlan plan(script);
  plan.plan.namespaces &= ~static_cast<std::uint64_t>(CLONE_NEWPID);
  plan.plan.join_pid_namespace = plan.add(UniqueFd(::fcntl(init.pidfd(), F_DUPFD_CLOEXEC, 3)));
  return plan;
}

TEST(PodInit, ReapsWhatItsMembersLeave) {
  Launcher launcher;
  auto init = launcher.start(init_plan());
  init.expect(ShimMessage::kRunning);
  // The orphan ends long before the looker has looked a hundred times.
  EXPECT_EQ(launcher
                .start(member(init,
                              "cat /proc/1/comm; (sh -c 'sleep 0.1; exit 3' &); "
                              "for i in $(seq 100); do ps | grep -q '[s]leep 0.1' || break; "
                              "sleep 0.1; done; sleep 0.3; ps -o stat,comm | grep -c '^Z'; true"))
                .run(),
            "skerry-init\n0\n");
  EXPECT_TRUE(*os::is_alive(init.pidfd()));
}

TEST(PodInit, HasNoDescriptorAndNoProgram) {
  Launcher launcher;
  auto init = launcher.start(init_plan());
  init.expect(ShimMessage::kRunning);
  const auto proc = "/proc/" + std::to_string(init.pid());
  std::error_code error;
  EXPECT_EQ(read_text(proc + "/comm"), "skerry-init\n");
  EXPECT_NE(read_text(proc + "/cmdline").find("skerry-init "), std::string::npos);
  const auto fds = os::open_dir(proc + "/fd");
  ASSERT_TRUE(fds);
  for (int fd = 0; fd < 64; ++fd)
    EXPECT_NE(::faccessat(fds->get(), std::to_string(fd).c_str(), F_OK, AT_SYMLINK_NOFOLLOW), 0)
        << fd;
}

TEST(PodInit, IsOutOfReachOfItsMembers) {
  Launcher launcher;
  auto init = launcher.start(init_plan());
  init.expect(ShimMessage::kRunning);
  auto plan = member(init,
                     "cd /proc/1; for name in exe root cwd fd/0; do readlink $name; done; "
                     "cat environ; head -c 1 mem; echo end");
  plan.at_end({plan::Capabilities{.bounding = 0xa80425fb,
                                  .effective = 0xa80425fb,
                                  .permitted = 0xa80425fb,
                                  .inheritable = 0,
                                  .ambient = 0}});
  auto container = launcher.start(std::move(plan));
  container.expect(ShimMessage::kRunning);
  EXPECT_EQ(container.wait_for_exit(), 0);
  const auto lines = lines_of(container.log());
  ASSERT_FALSE(lines.empty());
  // The two streams are in no order of each other.
  EXPECT_EQ(std::ranges::count(lines, "end"), 1);
  for (const auto& line : lines)
    EXPECT_TRUE(line == "end" || line.find("Permission denied") != std::string::npos) << line;
}

TEST(PodInit, EndsOnSigtermAndTakesItsMembersAlong) {
  Launcher launcher;
  auto init = launcher.start(init_plan());
  init.expect(ShimMessage::kRunning);
  auto sleeper = launcher.start(member(init, "sleep 1000"));
  sleeper.expect(ShimMessage::kRunning);
  ASSERT_TRUE(os::send_signal(init.pidfd(), SIGHUP));
  ASSERT_TRUE(os::send_signal(init.pidfd(), SIGTERM));
  EXPECT_EQ(sleeper.wait_for_exit(), SIGKILL);
  const int status = init.wait_for_exit();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(init.record());
}

TEST(PodInit, WithoutAPidNamespaceIsRefused) {
  Launcher launcher;
  auto plan = init_plan();
  plan.plan.namespaces &= ~static_cast<std::uint64_t>(CLONE_NEWPID);
  auto init = launcher.launch(plan);
  EXPECT_EQ(init.expect(ShimMessage::kFailed).operation, kFailedPlan);
}

}  // namespace
}  // namespace skerry::launcher::test
