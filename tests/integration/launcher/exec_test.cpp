// Further programs in a container that runs.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "base/ids.h"
#include "harness.h"
#include "os/cgroup/cgroup.h"
#include "os/mount.h"
#include "os/path.h"
#include "os/pidfd.h"

namespace skerry::launcher::test {
namespace {

constexpr std::uint64_t kMounts = CLONE_NEWNS;

Container start_sleeper(Launcher& launcher) {
  auto container = launcher.start(TestPlan("echo mine > /tmp/mark; sleep 1000"));
  container.expect(ShimMessage::kRunning);
  // Until the file is there.
  while (launcher.start(exec_plan(container, "cat /tmp/mark 2>/dev/null; true")).run() !=
         "mine\n") {
  }
  return container;
}

TEST(Exec, IsInEveryNamespaceOfTheContainer) {
  Launcher launcher;
  auto container = start_sleeper(launcher);
  auto plan = exec_plan(container, "sleep 1000");
  auto exec = launcher.start(std::move(plan));
  exec.expect(ShimMessage::kRunning);
  for (const auto* name : {"mnt", "pid", "ipc", "uts", "net"}) {
    const auto link = [name](pid_t pid) {
      char text[64] = {};
      const auto path = "/proc/" + std::to_string(pid) + "/ns/" + name;
      EXPECT_GT(::readlink(path.c_str(), text, sizeof text - 1), 0) << path;
      return std::string(text);
    };
    EXPECT_EQ(link(exec.pid()), link(container.pid())) << name;
    EXPECT_NE(link(exec.pid()), link(::getpid())) << name;
  }
}

TEST(Exec, SeesTheRootAndLeavesNothingOfOurs) {
  Launcher launcher;
  auto container = start_sleeper(launcher);
  EXPECT_EQ(launcher
                .start(exec_plan(container,
                                 "cat /tmp/mark; pwd; ls -d /../bin; ls /proc/$$/fd; "
                                 "env | grep -v PWD; cat /proc/1/comm"))
                .run(),
            "mine\n/\n/../bin\n0\n1\n2\nSHLVL=1\nA=b\nPATH=/bin\nsleep\n");
}

TEST(Exec, HasItsOwnExitRecordAndStdin) {
  Launcher launcher;
  auto container = start_sleeper(launcher);
  auto plan = exec_plan(container, "cat; exit 9");
  plan.plan.shim.open_stdin = true;
  plan.plan.hold = true;
  auto exec = launcher.start(std::move(plan));
  exec.expect(ShimMessage::kCreated);
  exec.send(ShimMessage::kOpenStdin);
  exec.expect(ShimMessage::kStdin);
  {
    const auto input = exec.take_fd();
    ASSERT_EQ(::write(input.get(), "in\n", 3), 3);
  }
  exec.send(ShimMessage::kCloseStdin);
  exec.send(ShimMessage::kStart);
  exec.expect(ShimMessage::kRunning);
  EXPECT_EQ(WEXITSTATUS(exec.wait_for_exit()), 9);
  EXPECT_EQ(exec.log(), "in\n");
  ASSERT_TRUE(exec.record());
  EXPECT_EQ(WEXITSTATUS(exec.record()->status), 9);
  EXPECT_TRUE(*os::is_alive(container.pidfd()));
}

TEST(Exec, GivesUpWhatItIsTold) {
  Launcher launcher;
  auto container = start_sleeper(launcher);
  auto plan =
      exec_plan(container, "id -u; ulimit -n; pwd; grep -E 'CapEff|NoNewPrivs' /proc/self/status");
  plan.plan.operations = {plan::Rlimit{.resource = RLIMIT_NOFILE, .soft = 64, .hard = 64},
                          plan::OomScoreAdj{.value = 7},
                          plan::SetIds{.uid = 1000, .gid = 1000, .groups = {}},
                          plan::WorkingDirectory{.path = "/tmp", .create = false},
                          plan::Capabilities{},
                          plan::NoNewPrivs{}};
  EXPECT_EQ(launcher.start(std::move(plan)).run(),
            "1000\n64\n/tmp\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n");
}

void expect_gone(Launcher& launcher, TestPlan plan) {
  auto exec = launcher.launch(plan);
  auto packet = exec.next();
  if (packet.type == ShimMessage::kHello) packet = exec.next();
  EXPECT_EQ(packet.type, ShimMessage::kFailed);
  EXPECT_EQ(packet.operation, kFailedEnter);
  EXPECT_EQ(packet.sys_errno, ESRCH);
  EXPECT_TRUE(exec.closed());
}

TEST(Exec, InAContainerThatHasGoneIsNoSuchProcess) {
  Launcher launcher;
  auto container = start_sleeper(launcher);
  auto with_pid = exec_plan(container, "true");
  auto without_pid = exec_plan(container, "true");
  without_pid.plan.enter.namespaces = kMounts;
  container.send(ShimMessage::kAbort);
  EXPECT_EQ(container.wait_for_exit(), SIGKILL);
  expect_gone(launcher, std::move(with_pid));
  expect_gone(launcher, std::move(without_pid));
}

TEST(Exec, WhoseContainerEndsAtTheBarrierIsNoSuchProcess) {
  Launcher launcher;
  auto container = start_sleeper(launcher);
  auto plan = exec_plan(container, "true");
  plan.plan.hold = true;
  auto exec = launcher.start(std::move(plan));
  exec.expect(ShimMessage::kCreated);
  container.send(ShimMessage::kAbort);
  const auto failed = exec.expect(ShimMessage::kFailed);
  EXPECT_EQ(failed.operation, kFailedEnter);
  EXPECT_EQ(failed.sys_errno, ESRCH);
  EXPECT_EQ(container.wait_for_exit(), SIGKILL);
}

TEST(Exec, EndsWithItsContainer) {
  Launcher launcher;
  auto container = start_sleeper(launcher);
  auto exec = launcher.start(exec_plan(container, "sleep 1000"));
  exec.expect(ShimMessage::kRunning);
  container.send(ShimMessage::kAbort);
  EXPECT_EQ(exec.wait_for_exit(), SIGKILL);
  EXPECT_EQ(container.wait_for_exit(), SIGKILL);
}

TEST(Exec, RefusesPlansThatWouldMakeOrMount) {
  Launcher launcher;
  auto container = start_sleeper(launcher);
  std::vector<TestPlan> plans;
  plans.reserve(5);
  for (int i = 0; i < 5; ++i) plans.push_back(exec_plan(container, "true"));
  plans[0].plan.namespaces = CLONE_NEWNET;
  plans[1].plan.enter.namespaces = CLONE_NEWPID;
  plans[2].plan.operations = {plan::MaskPath{.path = "/tmp"}};
  plans[3].plan.init = true;
  plans[3].plan.exec = {};
  plans[4].plan.enter.namespaces |= CLONE_NEWUSER;
  for (auto& plan : plans) {
    auto exec = launcher.launch(plan);
    const auto failed = exec.expect(ShimMessage::kFailed);
    EXPECT_EQ(failed.operation, kFailedPlan);
    EXPECT_EQ(failed.sys_errno, EINVAL);
  }
}

// CVE-2024-21626: in every descriptor that may be open there is a link to look for a way out.
TEST(Exec, AWorkingDirectoryOutsideOfTheRootIsRefused) {
  Launcher launcher;
  auto container = start_sleeper(launcher);
  for (int fd = 3; fd < 24; ++fd) {
    auto plan = exec_plan(container, "pwd");
    plan.add(std::move(*os::open_dir("/")));
    const auto path = "/proc/self/fd/" + std::to_string(fd);
    plan.plan.operations = {plan::WorkingDirectory{.path = path, .create = false}};
    auto exec = launcher.start(std::move(plan));
    exec.expect(ShimMessage::kFailed);
  }
}

// The same in a container's plan: its descriptors are gone by then.
TEST(Launch, NoDescriptorIsAWorkingDirectory) {
  Launcher launcher;
  for (int fd = 3; fd < 24; ++fd) {
    TestPlan plan("pwd");
    plan.add(std::move(*os::open_dir("/")));
    const auto path = "/proc/self/fd/" + std::to_string(fd);
    plan.at_end({plan::WorkingDirectory{.path = path, .create = false}});
    auto container = launcher.start(std::move(plan));
    container.expect(ShimMessage::kFailed);
  }
}

// Nor the way to an interpreter, which the kernel opens before it closes what is closed by exec.
TEST(Launch, NoDescriptorLeadsToAnInterpreterOutside) {
  const std::string path = "/../../../../../../../../bin/busybox";
  Launcher launcher;
  const auto expect_absent = [&](TestPlan plan, int fd) {
    const UniqueFd script(
        ::openat(plan.fds[0].get(), "bin/script", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));
    const auto line = "#!/proc/self/fd/" + std::to_string(fd) + path + " echo\n";
    ASSERT_TRUE(os::write_all(script.get(), line));
    plan.plan.exec.arguments = {"script"};
    plan.add(std::move(*os::open_dir("/")));
    auto container = launcher.start(std::move(plan));
    const auto failed = container.expect(ShimMessage::kFailed);
    EXPECT_EQ(failed.operation, kFailedExec);
  };
  for (int fd = 3; fd < 24; ++fd) expect_absent(TestPlan(""), fd);
}

// What is cut off from the tree has no name below the root, though a link leads there.
TEST(Exec, AWorkingDirectoryThatIsUnreachableIsRefused) {
  Launcher launcher;
  auto container = launcher.start(
      TestPlan("mkdir /tmp/m; mount -t tmpfs none /tmp/m; cd /tmp/m; umount -l /tmp/m; >/tmp/mark; "
               "sleep 1000"));
  container.expect(ShimMessage::kRunning);
  while (launcher.start(exec_plan(container, "ls /tmp")).run() != "m\nmark\n") {
  }
  auto plan = exec_plan(container, "pwd");
  plan.at_end({plan::WorkingDirectory{.path = "/proc/1/cwd", .create = false}});
  auto exec = launcher.start(std::move(plan));
  EXPECT_EQ(exec.expect(ShimMessage::kFailed).sys_errno, EXDEV);
}

// The process of an exec at its barrier, looked at by the container's root.
TEST(Exec, IsOutOfReachOfTheContainerBeforeItsProgramRuns) {
  Launcher launcher;
  TestPlan target("read line; sleep 1000");
  target.at_end({plan::Capabilities{.bounding = 0xa80425fb,
                                    .effective = 0xa80425fb,
                                    .permitted = 0xa80425fb,
                                    .inheritable = 0,
                                    .ambient = 0}});
  target.plan.shim.open_stdin = true;
  auto container = launcher.start(std::move(target));
  container.expect(ShimMessage::kRunning);
  auto held = exec_plan(container, "true");
  held.plan.hold = true;
  auto exec = launcher.start(std::move(held));
  exec.expect(ShimMessage::kCreated);
  auto looker =
      exec_plan(container,
                "for p in /proc/[0-9]*; do [ \"$(cat $p/comm)\" = skerry-shim ] || continue; "
                "echo found; for n in $(ls $p/fd); do readlink $p/fd/$n; done; "
                "readlink $p/exe; readlink $p/root; readlink $p/cwd; cat $p/environ; "
                "cat $p/fdinfo/0; head -c 1 $p/mem; done 2>/dev/null; true");
  looker.plan.operations = {plan::Capabilities{.bounding = 0xa80425fb,
                                               .effective = 0xa80425fb,
                                               .permitted = 0xa80425fb,
                                               .inheritable = 0,
                                               .ambient = 0}};
  EXPECT_EQ(launcher.start(std::move(looker)).run(), "found\n");
  exec.send(ShimMessage::kAbort);
  exec.expect(ShimMessage::kFailed);
}

TEST(Exec, IsKilledAsAGroupByItsCgroup) {
  const auto manager = std::move(*os::make_cgroup_manager(*os::find_cgroup_roots()));
  const std::string path = "skerry-launcher-test-" + random_hex(8);
  const auto group = manager->create(path);
  ASSERT_TRUE(group) << group.error().message();
  const auto leaf = manager->make_exec_leaf(path, "one");
  ASSERT_TRUE(leaf) << leaf.error().message();
  {
    Launcher launcher;
    const auto put = [](TestPlan& plan, const os::Cgroup& cgroup) {
      auto join = std::move(*cgroup.join());
      if (join.clone_into) plan.plan.join.clone_into = plan.add(std::move(join.clone_into));
      for (auto& tasks : join.tasks) plan.plan.join.tasks.push_back(plan.add(std::move(tasks)));
    };
    TestPlan target("sleep 1000");
    put(target, **group);
    auto container = launcher.start(std::move(target));
    container.expect(ShimMessage::kRunning);
    auto plan = exec_plan(container, "sleep 1000 & sleep 1000 & echo started; wait");
    put(plan, **leaf);
    auto exec = launcher.start(std::move(plan));
    exec.expect(ShimMessage::kRunning);
    for (int i = 0; i < 1000 && exec.log().empty(); ++i) ::usleep(10'000);
    EXPECT_EQ((*leaf)->processes()->size(), 3U);
    ASSERT_TRUE((*leaf)->kill());
    EXPECT_EQ(exec.wait_for_exit(), SIGKILL);
    EXPECT_TRUE((*leaf)->wait_empty(std::chrono::seconds(10)));
    EXPECT_TRUE(*os::is_alive(container.pidfd()));
    container.send(ShimMessage::kAbort);
    EXPECT_EQ(container.wait_for_exit(), SIGKILL);
  }
  EXPECT_TRUE((*group)->wait_empty(std::chrono::seconds(10)));
  EXPECT_TRUE(manager->remove(path));
}

}  // namespace
}  // namespace skerry::launcher::test
