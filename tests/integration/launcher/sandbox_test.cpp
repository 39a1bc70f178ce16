// A pod's namespaces: made once, kept by the holder, joined by containers.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/ids.h"
#include "harness.h"
#include "launcher/build.h"
#include "os/memfd.h"
#include "os/socket.h"
#include "plan/codec.h"

namespace skerry::launcher::test {
namespace {

constexpr std::uint64_t kAllKinds = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

struct Answer {
  SandboxPacket packet;
  std::vector<UniqueFd> fds;
};

void send(int socket, const SandboxPacket& packet, const std::vector<int>& fds = {}) {
  EXPECT_TRUE(
      os::send_message(socket, {reinterpret_cast<const char*>(&packet), sizeof packet}, fds));
}

Answer receive(int socket) {
  auto message = os::receive_message(socket);
  Answer answer;
  if (!message || message->bytes.size() != sizeof(SandboxPacket)) {
    ADD_FAILURE() << "no answer about sandboxes";
    return answer;
  }
  std::memcpy(&answer.packet, message->bytes.data(), sizeof answer.packet);
  answer.fds = std::move(message->fds);
  return answer;
}

Answer make(int socket, const plan::SandboxPlan& plan, std::uint64_t request = 7) {
  const auto bytes = plan::encode(plan);
  const auto memfd =
      os::make_sealed_memfd("plan", {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  SandboxPacket packet;
  packet.type = LauncherMessage::kMakeSandbox;
  packet.request = request;
  send(socket, packet, {memfd->get()});
  return receive(socket);
}

Answer ask(int socket, LauncherMessage type, const std::string& uid) {
  SandboxPacket packet;
  packet.type = type;
  packet.request = 8;
  EXPECT_TRUE(parse_build(uid, packet.uid));
  send(socket, packet);
  return receive(socket);
}

plan::SandboxPlan sandbox_plan(std::vector<plan::Operation> operations = {}) {
  return {.uid = Uid::make().str(), .namespaces = kAllKinds, .operations = std::move(operations)};
}

ino_t inode_of(int fd) {
  struct stat info {};
  EXPECT_EQ(::fstat(fd, &info), 0);
  return info.st_ino;
}

ino_t inode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_ino;
}

std::string holder_path(const Launcher& launcher, int number) {
  return "/proc/" + std::to_string(launcher.holder_pid()) + "/fd/" + std::to_string(number);
}

// A member of the pod: all of its shared namespaces are joined, none made.
TestPlan member(const Answer& sandbox, const std::string& script) {
  TestPlan plan(script);
  plan.plan.namespaces &= ~kAllKinds;
  const std::uint64_t kinds[] = {CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS};
  std::vector<plan::Operation> joins;
  for (std::size_t i = 0; i < sandbox.fds.size(); ++i) {
    joins.emplace_back(plan::JoinNamespace{
        .fd = plan.add(UniqueFd(::fcntl(sandbox.fds[i].get(), F_DUPFD_CLOEXEC, 3))),
        .kind = kinds[i]});
  }
  plan.plan.operations.insert(plan.plan.operations.begin(), joins.begin(), joins.end());
  return plan;
}

TEST(Sandbox, IsMadeAndItsMembersShareIt) {
  Launcher launcher;
  const auto connection = launcher.connect();
  const auto sandbox = make(connection.get(),
                            sandbox_plan({plan::Hostname{.name = "pod"},
                                          plan::Sysctl{.key = "kernel.shmmni", .value = "123"},
                                          plan::Sysctl{.key = "net.ipv4.ip_forward", .value = "1"},
                                          plan::LoopbackUp{}}));
  ASSERT_EQ(sandbox.packet.type, LauncherMessage::kSandbox) << sandbox.packet.sys_errno;
  EXPECT_EQ(sandbox.packet.request, 7U);
  ASSERT_EQ(sandbox.fds.size(), 3U);
  const char* names[] = {"net", "ipc", "uts"};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto kept = holder_path(launcher, sandbox.packet.numbers.at(i));
    EXPECT_EQ(inode_of(kept), inode_of(sandbox.fds[i].get()));
    EXPECT_NE(inode_of(kept), inode_of(std::string("/proc/self/ns/") + names[i]));
  }
  constexpr auto* kScript =
      "hostname; cat /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_forward; "
      "ip -o link | grep -c LOOPBACK,UP; readlink /proc/self/ns/net; readlink /proc/self/ns/ipc";
  const auto first = launcher.start(member(sandbox, kScript)).run();
  EXPECT_TRUE(first.starts_with("pod\n123\n1\n1\n")) << first;
  EXPECT_EQ(launcher.start(member(sandbox, kScript)).run(), first);
}

TEST(Sandbox, ChangesNothingOfTheHost) {
  Launcher launcher;
  const auto connection = launcher.connect();
  const auto before = read_text("/proc/sys/kernel/shmmni") + read_text("/proc/sys/kernel/hostname");
  make(connection.get(),
       sandbox_plan(
           {plan::Hostname{.name = "pod"}, plan::Sysctl{.key = "kernel.shmmni", .value = "123"}}));
  EXPECT_EQ(read_text("/proc/sys/kernel/shmmni") + read_text("/proc/sys/kernel/hostname"), before);
  const auto panic = read_text("/proc/sys/kernel/panic");
  const auto refused =
      make(connection.get(), sandbox_plan({plan::Sysctl{.key = "kernel.panic", .value = "77"}}));
  EXPECT_EQ(refused.packet.type, LauncherMessage::kSandboxRefused);
  EXPECT_EQ(refused.packet.sys_errno, EINVAL);
  EXPECT_EQ(refused.packet.operation, 0);
  EXPECT_EQ(read_text("/proc/sys/kernel/panic"), panic);
}

TEST(Sandbox, OfSomeKindsHasOnlyThose) {
  Launcher launcher;
  const auto connection = launcher.connect();
  auto plan = sandbox_plan();
  plan.namespaces = CLONE_NEWUTS;
  const auto sandbox = make(connection.get(), plan);
  ASSERT_EQ(sandbox.packet.type, LauncherMessage::kSandbox);
  EXPECT_EQ(sandbox.fds.size(), 1U);
  EXPECT_EQ(sandbox.packet.numbers.at(kNetNamespace), -1);
  EXPECT_EQ(sandbox.packet.numbers.at(kIpcNamespace), -1);
  EXPECT_GE(sandbox.packet.numbers.at(kUtsNamespace), 0);
}

TEST(Sandbox, MadeTwiceIsTheSame) {
  Launcher launcher;
  const auto connection = launcher.connect();
  const auto plan = sandbox_plan();
  const auto first = make(connection.get(), plan);
  const auto second = make(connection.get(), plan);
  EXPECT_EQ(second.packet.type, LauncherMessage::kSandbox);
  EXPECT_EQ(second.packet.numbers, first.packet.numbers);
  EXPECT_EQ(inode_of(second.fds.at(0).get()), inode_of(first.fds.at(0).get()));
}

TEST(Sandbox, DropIsIdempotentAndGetTellsWhatIsGone) {
  Launcher launcher;
  const auto connection = launcher.connect();
  const auto plan = sandbox_plan();
  const auto made = make(connection.get(), plan);
  const auto got = ask(connection.get(), LauncherMessage::kGetSandbox, plan.uid);
  EXPECT_EQ(got.packet.numbers, made.packet.numbers);
  EXPECT_EQ(inode_of(got.fds.at(0).get()), inode_of(made.fds.at(0).get()));
  const auto kept = holder_path(launcher, made.packet.numbers.at(0));
  for (int i = 0; i < 2; ++i) {
    const auto dropped = ask(connection.get(), LauncherMessage::kDropSandbox, plan.uid);
    EXPECT_EQ(dropped.packet.type, LauncherMessage::kSandboxDropped);
    EXPECT_EQ(dropped.packet.request, 8U);
  }
  EXPECT_NE(::access(kept.c_str(), F_OK), 0);
  const auto gone = ask(connection.get(), LauncherMessage::kGetSandbox, plan.uid);
  EXPECT_EQ(gone.packet.type, LauncherMessage::kSandboxRefused);
  EXPECT_EQ(gone.packet.sys_errno, ENOENT);
}

std::vector<SandboxPacket> list(int connection) {
  const auto listed = ask(connection, LauncherMessage::kListSandboxes, Uid::make().str());
  EXPECT_EQ(listed.packet.type, LauncherMessage::kSandboxes);
  std::vector<SandboxPacket> sandboxes(listed.packet.count);
  const auto bytes = static_cast<ssize_t>(sandboxes.size() * sizeof(SandboxPacket));
  EXPECT_EQ(::pread(listed.fds.at(0).get(), sandboxes.data(), static_cast<std::size_t>(bytes), 0),
            bytes);
  return sandboxes;
}

TEST(Sandbox, OutlivesTheLauncherAndItsReplacement) {
  Launcher launcher;
  auto connection = launcher.connect();
  const auto plan = sandbox_plan();
  const auto made = make(connection.get(), plan);
  ASSERT_EQ(::kill(launcher.hello().pid, SIGKILL), 0);
  EXPECT_TRUE(is_closed(connection.get()));
  connection = launcher.connect();
  auto all = list(connection.get());
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].numbers, made.packet.numbers);
  EXPECT_EQ(format_build(all[0].uid), plan.uid);

  LauncherPacket replace;
  replace.type = LauncherMessage::kReplace;
  replace.build[15] = 99;
  send_packet(connection.get(), replace, {launcher.program()});
  EXPECT_TRUE(is_closed(connection.get()));
  connection = launcher.connect();
  EXPECT_EQ(launcher.hello().build[15], 99);
  EXPECT_EQ(list(connection.get()).size(), 1U);
  EXPECT_EQ(make(connection.get(), sandbox_plan()).packet.type, LauncherMessage::kSandbox);
  EXPECT_EQ(list(connection.get()).size(), 2U);
}

// The namespaces themselves go when nobody is inside: nothing but the holder keeps them.
TEST(Sandbox, NothingElseHoldsItsNamespaces) {
  Launcher launcher;
  const auto connection = launcher.connect();
  const auto made = make(connection.get(), sandbox_plan());
  const auto target = "net:[" + std::to_string(inode_of(made.fds.at(0).get())) + "]";
  const auto holds = [&target](pid_t pid) {
    for (int fd = 0; fd < 64; ++fd) {
      char text[64] = {};
      const auto path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
      if (::readlink(path.c_str(), text, sizeof text - 1) > 0 && target == text) return true;
    }
    return false;
  };
  EXPECT_TRUE(holds(launcher.holder_pid()));
  EXPECT_FALSE(holds(launcher.hello().pid));
  ASSERT_EQ(::kill(launcher.hello().pid, SIGKILL), 0);
  const auto next = launcher.connect();
  EXPECT_FALSE(holds(launcher.hello().pid));
  auto container = launcher.start(TestPlan("sleep 1000"));
  container.expect(ShimMessage::kRunning);
  EXPECT_FALSE(holds(container.shim_pid()));
}

TEST(Sandbox, RefusesPlansThatAreNone) {
  Launcher launcher;
  const auto connection = launcher.connect();
  auto no_uid = sandbox_plan();
  no_uid.uid = "../etc";
  auto no_kind = sandbox_plan();
  no_kind.namespaces = 0;
  auto other_kind = sandbox_plan();
  other_kind.namespaces |= CLONE_NEWNS;
  auto mounts = sandbox_plan({plan::LoopbackUp{}, plan::EnterRoot{}});
  auto hosts_name = sandbox_plan({plan::Hostname{.name = "oops"}});
  hosts_name.namespaces = CLONE_NEWNET;
  for (const auto& plan : {no_uid, no_kind, other_kind, mounts, hosts_name}) {
    const auto refused = make(connection.get(), plan, 11);
    EXPECT_EQ(refused.packet.type, LauncherMessage::kSandboxRefused);
    EXPECT_EQ(refused.packet.sys_errno, EINVAL);
    EXPECT_EQ(refused.packet.request, 11U);
  }
  EXPECT_EQ(make(connection.get(), mounts).packet.operation, 1);
  EXPECT_TRUE(list(connection.get()).empty());
}

// Five descriptors are left for one more sandbox than fits.
TEST(Sandbox, ThereIsRoomForSoMany) {
  const rlimit few{.rlim_cur = 32 + 3 * 4 + 2, .rlim_max = 32 + 3 * 4 + 2};
  Launcher launcher(few);
  const auto connection = launcher.connect();
  std::string last;
  for (int i = 0; i < 4; ++i) {
    const auto plan = sandbox_plan();
    last = plan.uid;
    EXPECT_EQ(make(connection.get(), plan).packet.type, LauncherMessage::kSandbox);
  }
  const auto refused = make(connection.get(), sandbox_plan());
  EXPECT_EQ(refused.packet.type, LauncherMessage::kSandboxRefused);
  EXPECT_EQ(refused.packet.sys_errno, ENOSPC);
  ask(connection.get(), LauncherMessage::kDropSandbox, last);
  EXPECT_EQ(make(connection.get(), sandbox_plan()).packet.type, LauncherMessage::kSandbox);
}

TEST(Sandbox, TheLimitOfDescriptorsIsNotTheContainers) {
  const rlimit given{.rlim_cur = 100, .rlim_max = 15'000};
  Launcher launcher(given);
  EXPECT_EQ(launcher.run("ulimit -Sn; ulimit -Hn"), "100\n15000\n");
}

TEST(JoinedPidNamespace, SeesTheOthers) {
  Launcher launcher;
  auto first = launcher.start(TestPlan("sleep 1000"));
  first.expect(ShimMessage::kRunning);
  for (const bool by_pidfd : {true, false}) {
    TestPlan plan("cat /proc/1/comm; [ $$ != 1 ] && echo second");
    plan.plan.namespaces &= ~static_cast<std::uint64_t>(CLONE_NEWPID);
    const auto path = "/proc/" + std::to_string(first.pid()) + "/ns/pid";
    plan.plan.join_pid_namespace =
        plan.add(UniqueFd(by_pidfd ? ::fcntl(first.pidfd(), F_DUPFD_CLOEXEC, 3)
                                   : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
    EXPECT_EQ(launcher.start(std::move(plan)).run(), "sleep\nsecond\n");
  }
}

TEST(JoinedPidNamespace, ThatHasGoneIsNoSuchProcess) {
  Launcher launcher;
  auto first = launcher.start(TestPlan("sleep 1000"));
  first.expect(ShimMessage::kRunning);
  const auto path = "/proc/" + std::to_string(first.pid()) + "/ns/pid";
  TestPlan by_file("true");
  by_file.plan.join_pid_namespace =
      by_file.add(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  TestPlan by_pidfd("true");
  by_pidfd.plan.join_pid_namespace =
      by_pidfd.add(UniqueFd(::fcntl(first.pidfd(), F_DUPFD_CLOEXEC, 3)));
  first.send(ShimMessage::kAbort);
  EXPECT_EQ(first.wait_for_exit(), SIGKILL);
  for (auto* plan : {&by_file, &by_pidfd}) {
    plan->plan.namespaces &= ~static_cast<std::uint64_t>(CLONE_NEWPID);
    auto second = launcher.launch(*plan);
    const auto failed = second.expect(ShimMessage::kFailed);
    EXPECT_EQ(failed.operation, kFailedEnter);
    EXPECT_EQ(failed.sys_errno, ESRCH);
  }
}

}  // namespace
}  // namespace skerry::launcher::test
