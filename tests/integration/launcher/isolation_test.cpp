// What a container sees of the host and of us: nothing that the plan did not give.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <thread>

#include "harness.h"
#include "os/mount.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::launcher::test {
namespace {

using Lines = std::vector<std::string>;

std::string file_of(pid_t pid, const std::string& name) {
  return read_text("/proc/" + std::to_string(pid) + "/" + name);
}

TEST(Isolation, TheLauncherHasOneMount) {
  Launcher launcher;
  const auto connection = launcher.connect();
  const auto lines = lines_of(file_of(launcher.hello().pid, "mountinfo"));
  ASSERT_EQ(lines.size(), 1U) << file_of(launcher.hello().pid, "mountinfo");
  const auto mount = os::parse_mountinfo_line(lines[0]);
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->mount_point, "/");
  EXPECT_EQ(mount->file_system, "tmpfs");
  EXPECT_TRUE(mount->options.starts_with("ro"));
}

TEST(Isolation, TheHostsMountTableStaysFlat) {
  Launcher launcher;
  const auto before = lines_of(read_text("/proc/self/mountinfo")).size();
  auto container = launcher.start(TestPlan("sleep 1000"));
  container.expect(ShimMessage::kRunning);
  EXPECT_EQ(lines_of(read_text("/proc/self/mountinfo")).size(), before);
}

TEST(Isolation, AContainerSeesItsOwnMountsOnly) {
  Launcher launcher;
  Lines points;
  for (const auto& line : lines_of(launcher.run("cat /proc/self/mountinfo"))) {
    const auto mount = os::parse_mountinfo_line(line);
    ASSERT_TRUE(mount) << line;
    points.push_back(mount->mount_point);
  }
  std::ranges::sort(points);
  EXPECT_EQ(points, (Lines{"/", "/dev", "/proc"}));
}

TEST(Isolation, NothingIsAboveTheRoot) {
  Launcher launcher;
  EXPECT_EQ(launcher.run("cd /; cd ../../..; pwd; ls -d /../bin; stat -c %i / /.. | tr '\\n' ' '; "
                         "ls / | wc -l"),
            launcher.run("cd /; pwd; echo /../bin; stat -c %i / / | tr '\\n' ' '; ls / | wc -l"));
}

TEST(Isolation, NoDescriptorOfOursIsLeft) {
  Launcher launcher;
  EXPECT_EQ(launcher.run("ls /proc/1/fd; true"), "0\n1\n2\n");
  EXPECT_EQ(launcher.run("readlink /proc/1/fd/0"), "/dev/null\n");
}

// A file of the host's /dev could be changed through it.
TEST(Isolation, NoStandardInputIsTheContainersOwnNullDevice) {
  Launcher launcher;
  EXPECT_EQ(launcher.run("[ $(stat -L -c %d /proc/1/fd/0) = $(stat -c %d /dev/null) ] && echo own"),
            "own\n");
}

TEST(Isolation, WithoutANullDeviceOfItsOwnItGetsOneThatCannotBeChanged) {
  Launcher launcher;
  TestPlan plan(
      "stat -L -c %t:%T /proc/1/fd/0; chmod 0600 /proc/1/fd/0; chown 7 /proc/1/fd/0; "
      "stat -L -c %u:%a /proc/1/fd/0");
  plan.plan.operations.insert(
      plan.plan.operations.begin() + 3,
      plan::AttachMount{.fd = plan.add(std::move(*os::make_tmpfs({}))), .target = "/dev"});
  const auto text = launcher.start(std::move(plan)).run();
  EXPECT_TRUE(text.starts_with("1:3\n")) << text;
  EXPECT_TRUE(text.ends_with("\n0:666\n")) << text;
}

TEST(Isolation, NoEnvironmentOfOursIsLeft) {
  Launcher launcher;
  TestPlan plan("");
  plan.plan.exec.arguments = {"env"};
  EXPECT_EQ(launcher.start(std::move(plan)).run(), "PATH=/bin\nA=b\n");
}

// Without a shell, which ignores signals of its own.
TEST(Isolation, NoProcessStateOfOursIsLeft) {
  Launcher launcher;
  TestPlan plan("");
  plan.plan.exec.arguments = {"grep",
                              "-hE",
                              "^(SigBlk|SigIgn|Umask|NSsid|Pid|NSpgid|Name)|^-?[0-9]+$",
                              "/proc/1/status",
                              "/proc/1/oom_score_adj"};
  EXPECT_EQ(launcher.start(std::move(plan)).run(),
            "Name:\tgrep\nUmask:\t0022\nPid:\t1\nNSpgid:\t1\nNSsid:\t1\n"
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n");
}

TEST(Isolation, OurOomScoreIsTakenBack) {
  const int before = std::stoi(read_text("/proc/self/oom_score_adj"));
  const auto set = [](int score) {
    const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    const auto text = std::to_string(score);
    return ::write(file.get(), text.data(), text.size()) > 0;
  };
  ASSERT_TRUE(set(300));
  Launcher launcher;
  const auto connection = launcher.connect();
  ASSERT_TRUE(set(before));
  EXPECT_EQ(file_of(launcher.hello().pid, "oom_score_adj"), "300\n");
  EXPECT_EQ(launcher.run("cat /proc/1/oom_score_adj"), "0\n");
  TestPlan plan("cat /proc/1/oom_score_adj");
  plan.before_enter_root({plan::OomScoreAdj{.value = 200}});
  EXPECT_EQ(launcher.start(std::move(plan)).run(), "200\n");
}

TEST(Isolation, HasItsOwnNamespacesAndNames) {
  Launcher launcher;
  TestPlan plan(
      "hostname; cat /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_forward; "
      "ip -o link | grep -c UP; ulimit -n");
  plan.before_enter_root({plan::Hostname{.name = "web"},
                          plan::LoopbackUp{},
                          plan::Sysctl{.key = "kernel.shmmni", .value = "123"},
                          plan::Sysctl{.key = "net/ipv4/ip_forward", .value = "1"}});
  plan.at_end({plan::Rlimit{.resource = RLIMIT_NOFILE, .soft = 77, .hard = 99}});
  EXPECT_EQ(launcher.start(std::move(plan)).run(), "web\n123\n1\n1\n77\n");
}

TEST(Isolation, MasksAndReadOnlyPathsHold) {
  Launcher launcher;
  TestPlan plan(
      "cat /proc/timer_list | wc -c; ls /sys/firmware /sys/kernel | grep -v : | wc -w; "
      "echo 1 > /proc/sys/kernel/shmmni; touch /x; touch /tmp/x && echo writable; "
      "stat -c %t:%T /proc/keys");
  plan.before_enter_root({
      plan::MountPseudo{.type = "sysfs", .target = "/sys", .flags = MS_RDONLY, .data = ""},
      plan::MountPseudo{.type = "tmpfs", .target = "/tmp", .flags = MS_NOSUID, .data = "size=4096"},
      plan::MaskPath{.path = "/proc/timer_list"},
      plan::MaskPath{.path = "/proc/keys"},
      plan::MaskPath{.path = "/proc/not/there"},
      plan::MaskPath{.path = "/sys/firmware"},
      plan::MaskPath{.path = "/sys/kernel"},
      plan::ReadOnlyPath{.path = "/proc/sys"},
      plan::ReadOnlyPath{.path = "/proc/not/there"},
      plan::RootReadOnly{},
  });
  const auto text = launcher.start(std::move(plan)).run();
  EXPECT_NE(text.find("0\n0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("shmmni: Read-only file system"), std::string::npos) << text;
  EXPECT_NE(text.find("/x: Read-only file system"), std::string::npos) << text;
  EXPECT_NE(text.find("writable\n1:3\n"), std::string::npos) << text;
}

void expect_failure(Launcher& launcher, TestPlan plan, int sys_errno) {
  auto container = launcher.start(std::move(plan));
  EXPECT_EQ(container.expect(ShimMessage::kFailed).sys_errno, sys_errno);
}

// CVE-2025-31133, 52565 and 52881: what an image put in the way of a mask or a write to /proc.
TEST(Isolation, DoesNotLetAnImageBendKernelPaths) {
  Launcher launcher;
  TestPlan bent("true");
  ASSERT_EQ(::unlinkat(bent.fds[0].get(), "sys", AT_REMOVEDIR), 0);
  ASSERT_EQ(::symlinkat("/etc", bent.fds[0].get(), "sys"), 0);
  ASSERT_EQ(::mkdirat(bent.fds[0].get(), "etc/firmware", 0755), 0);
  bent.before_enter_root({plan::MaskPath{.path = "/sys/firmware"}});
  expect_failure(launcher, std::move(bent), EXDEV);

  TestPlan no_proc("true");
  std::erase_if(no_proc.plan.operations, [](const plan::Operation& operation) {
    return std::holds_alternative<plan::MountPseudo>(operation);
  });
  ASSERT_EQ(::mkdirat(no_proc.fds[0].get(), "proc/sys", 0755), 0);
  no_proc.before_enter_root({plan::Sysctl{.key = "kernel.shmmni", .value = "1"}});
  expect_failure(launcher, std::move(no_proc), EXDEV);

  TestPlan no_null("true");
  no_null.plan.operations.insert(
      no_null.plan.operations.begin() + 3,
      plan::AttachMount{.fd = no_null.add(std::move(*os::make_tmpfs({}))), .target = "/dev"});
  no_null.before_enter_root(
      {plan::MakeDir{.path = "/dev/null"}, plan::MaskPath{.path = "/proc/keys"}});
  expect_failure(launcher, std::move(no_null), ENODEV);

  TestPlan up("true");
  up.before_enter_root({plan::Sysctl{.key = "../sysrq-trigger", .value = "h"}});
  auto container = launcher.start(std::move(up));
  EXPECT_NE(container.expect(ShimMessage::kFailed).sys_errno, 0);
}

TEST(Isolation, LinksOfAnImageLeadNowhereElse) {
  Launcher launcher;
  TestPlan plan("ls /bin/here /etc/data; ls -d /skerry-escape");
  ASSERT_EQ(::symlinkat("/../../../../bin", plan.fds[0].get(), "link"), 0);
  ASSERT_EQ(::symlinkat("../../../../../etc", plan.fds[0].get(), "up"), 0);
  auto tree = std::move(*os::make_tmpfs({}));
  const UniqueFd file(::openat(tree.get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  ASSERT_TRUE(file);
  plan.before_enter_root({
      plan::AttachMount{.fd = plan.add(std::move(tree)), .target = "/link/here"},
      plan::MountPseudo{.type = "tmpfs", .target = "/up/data", .flags = 0, .data = ""},
      plan::MakeDir{.path = "/../../skerry-escape"},
  });
  const auto text = launcher.start(std::move(plan)).run();
  EXPECT_EQ(text, "/bin/here:\nfile\n\n/etc/data:\n/skerry-escape\n");
  struct stat info {};
  EXPECT_NE(::stat("/skerry-escape", &info), 0);
  EXPECT_NE(::stat("/bin/here", &info), 0);
}

// Nobody could see them while the plan was made.
TEST(Isolation, LinksOfAVolumeLeadToNoPlaceOfOurs) {
  Launcher launcher;
  for (const char* text : {"/proc", "/proc/self", "../proc/sys/kernel", "/", ".."}) {
    TestPlan plan("true");
    auto volume = std::move(*os::make_tmpfs({}));
    ASSERT_EQ(::symlinkat(text, volume.get(), "link"), 0);
    plan.before_enter_root(
        {plan::AttachMount{.fd = plan.add(std::move(volume)), .target = "/etc"},
         plan::AttachMount{.fd = plan.add(std::move(*os::make_tmpfs({}))), .target = "/etc/link"}});
    expect_failure(launcher, std::move(plan), EXDEV);
  }
}

// As where the directory of an image has other ones by then.
TEST(Isolation, MasksHoldOnWhatWasMountedWhateverTheWayThereIs) {
  Launcher launcher;
  TestPlan plan(
      "ls -A /proc | wc -l; umount /proc; echo 1 > /proc/sys/kernel/shmmni; "
      "stat -c %t:%T /proc/timer_list");
  plan.before_enter_root({
      plan::AttachMount{.fd = plan.add(std::move(*os::make_tmpfs({}))), .target = "/proc/../proc"},
      plan::ReadOnlyPath{.path = "/proc/sys"},
      plan::MaskPath{.path = "/proc/timer_list"},
  });
  const auto text = launcher.start(std::move(plan)).run();
  EXPECT_TRUE(text.starts_with("0\n")) << text;
  EXPECT_NE(text.find("shmmni: Read-only file system"), std::string::npos) << text;
  EXPECT_NE(text.find("1:3\n"), std::string::npos) << text;
}

TEST(Isolation, MountsFilesAndRefusesTheRoot) {
  Launcher launcher;
  TestPlan plan("cat /etc/deep/file");
  auto tree = std::move(*os::make_tmpfs({}));
  const UniqueFd file(::openat(tree.get(), "file", O_CREAT | O_RDWR | O_CLOEXEC, 0644));
  ASSERT_EQ(::write(file.get(), "content\n", 8), 8);
  TempDir dir;
  const std::string source = dir.path() + "/file";
  const UniqueFd host_file(::open(source.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644));
  ASSERT_EQ(::write(host_file.get(), "content\n", 8), 8);
  auto mount = os::clone_tree({.path = source}, os::MountScope::kOne, {.read_only = true});
  ASSERT_TRUE(mount) << mount.error().message();
  plan.before_enter_root({plan::AttachMount{.fd = plan.add(std::move(*mount)),
                                            .target = "/etc/deep/file",
                                            .create = plan::TargetKind::kFile}});
  EXPECT_EQ(launcher.start(std::move(plan)).run(), "content\n");

  TestPlan over("true");
  over.before_enter_root(
      {plan::MountPseudo{.type = "tmpfs", .target = "/..", .flags = 0, .data = ""}});
  expect_failure(launcher, std::move(over), EINVAL);
}

TEST(Isolation, BecomesAUserWithoutCapabilities) {
  Launcher launcher;
  TestPlan plan(
      "id -u; id -g; id -G; pwd; grep -E '^Cap|NoNewPrivs' /proc/1/status; "
      "echo through >> /proc/self/fd/1; touch /bin/x || echo refused; "
      "stat -c %u:%a /srv/made");
  plan.at_end({plan::SetIds{.uid = 1000, .gid = 1001, .groups = {5, 6}},
               plan::WorkingDirectory{.path = "/srv/made", .create = true},
               plan::Capabilities{.bounding = 1U << 10U},
               plan::NoNewPrivs{}});
  auto text = launcher.start(std::move(plan)).run();
  EXPECT_NE(text.find("1000\n1001\n1001 5 6\n/srv/made\nCapInh:\t0000000000000000\n"
                      "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
                      "CapBnd:\t0000000000000400\nCapAmb:\t0000000000000000\n"
                      "NoNewPrivs:\t1\nthrough\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("refused\n0:755\n"), std::string::npos) << text;
}

TEST(Isolation, KeepsAmbientCapabilitiesOfAUser) {
  Launcher launcher;
  constexpr std::uint64_t kBind = 1U << 10U;
  TestPlan plan("grep -E '^Cap(Prm|Eff|Amb)' /proc/1/status");
  plan.at_end({plan::SetIds{.uid = 1000, .gid = 1000, .groups = {}},
               plan::Capabilities{.bounding = kBind,
                                  .effective = kBind,
                                  .permitted = kBind,
                                  .inheritable = kBind,
                                  .ambient = kBind}});
  EXPECT_EQ(launcher.start(std::move(plan)).run(),
            "CapPrm:\t0000000000000400\nCapEff:\t0000000000000400\nCapAmb:\t0000000000000400\n");
}

TEST(Isolation, LoadsTheSeccompProgram) {
  Launcher launcher;
  TestPlan plan("grep '^Seccomp:' /proc/1/status");
  // One instruction: return SECCOMP_RET_ALLOW.
  plan.at_end({plan::Seccomp{.program = {0x06, 0, 0, 0, 0, 0, 0xFF, 0x7F}}});
  EXPECT_EQ(launcher.start(std::move(plan)).run(), "Seccomp:\t2\n");
  TestPlan bad("true");
  bad.at_end({plan::Seccomp{.program = {1, 2, 3}}});
  expect_failure(launcher, std::move(bad), EINVAL);
}

// Groups of a hybrid host; a v2 host has no v1 hierarchy to join here.
class TestCgroup final {
 public:
  explicit TestCgroup(const std::string& hierarchy)
      : path_("/sys/fs/cgroup/" + hierarchy + "/skerry-launcher-test-" +
              std::to_string(::getpid())) {
    made_ = ::mkdir(path_.c_str(), 0755) == 0;
  }
  TestCgroup(const TestCgroup&) = delete;
  TestCgroup& operator=(const TestCgroup&) = delete;
  ~TestCgroup() {
    for (int i = 0; made_ && i < 200 && ::rmdir(path_.c_str()) != 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  bool made() const { return made_; }
  UniqueFd open(const char* name, int flags) const {
    return UniqueFd(::open((path_ + "/" + name).c_str(), flags | O_CLOEXEC));
  }

 private:
  std::string path_;
  bool made_ = false;
};

TEST(Isolation, JoinsItsCgroups) {
  const TestCgroup pids("pids");
  const bool hybrid = ::access("/sys/fs/cgroup/unified", F_OK) == 0;
  const TestCgroup v2(hybrid ? "unified" : ".");
  ASSERT_TRUE(v2.made());
  Launcher launcher;
  TestPlan plan("cat /proc/self/cgroup");
  Lines expected;
  if (pids.made()) {
    plan.plan.join.tasks = {plan.add(pids.open("tasks", O_WRONLY))};
    expected.emplace_back(":pids:/");
  }
  plan.plan.join.clone_into = plan.add(v2.open(".", O_RDONLY | O_DIRECTORY));
  expected.emplace_back("0::/");
  plan.plan.cgroup_namespace = true;
  const auto text = "\n" + launcher.start(std::move(plan)).run();
  for (const auto& line : expected) EXPECT_NE(text.find(line + "\n"), std::string::npos) << text;
}

TEST(Isolation, AForeignDescriptorIsNoCgroup) {
  Launcher launcher;
  TestPlan plan("true");
  plan.plan.join.tasks = {plan.add(UniqueFd(::open("/dev/full", O_WRONLY | O_CLOEXEC)))};
  auto container = launcher.start(std::move(plan));
  EXPECT_EQ(container.expect(ShimMessage::kFailed).operation, kFailedCgroup);
}

// For people: what a resident shim costs.
TEST(ShimMemory, IsReported) {
  constexpr int kContainers = 20;
  Launcher launcher;
  std::vector<Container> containers;
  for (int i = 0; i < kContainers; ++i) {
    containers.push_back(launcher.start(TestPlan("echo hi; exec sleep 1000")));
    containers.back().expect(ShimMessage::kRunning);
  }
  // Long enough for the log buffers to be given back.
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  std::uint64_t pss = 0;
  std::uint64_t private_dirty = 0;
  for (const auto& container : containers) {
    const auto rollup = file_of(container.shim_pid(), "smaps_rollup");
    const auto kib = [&rollup](const std::string& key) -> std::uint64_t {
      for (const auto& line : lines_of(rollup))
        if (line.starts_with(key)) return std::stoull(line.substr(key.size()));
      return 0;
    };
    pss += kib("Pss:");
    private_dirty += kib("Private_Dirty:");
  }
  EXPECT_GT(pss, 0U);
  std::printf("shim: %lu KiB PSS, %lu KiB private dirty (mean of %d)\n",
              static_cast<unsigned long>(pss / kContainers),
              static_cast<unsigned long>(private_dirty / kContainers),
              kContainers);
}

}  // namespace
}  // namespace skerry::launcher::test
