#include "launcher/operations.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>

#include <gtest/gtest.h>

#include "launcher/build.h"
#include "launcher/interpreter.h"
#include "launcher/sandbox_maker.h"

namespace skerry::launcher {
namespace {

TEST(SysctlPath, SeparatesAsSysctlDoes) {
  EXPECT_EQ(sysctl_path("kernel.shmmni"), "kernel/shmmni");
  EXPECT_EQ(sysctl_path("net/ipv4/ip_forward"), "net/ipv4/ip_forward");
  EXPECT_EQ(sysctl_path("net.ipv4.conf.eth0/1.mtu"), "net/ipv4/conf/eth0.1/mtu");
  EXPECT_EQ(sysctl_path("net/ipv4/conf/eth0.1/mtu"), "net/ipv4/conf/eth0.1/mtu");
  EXPECT_EQ(sysctl_path("single"), "single");
}

TEST(SandboxSysctl, IsOfANamespaceOfTheSandboxOrRefused) {
  EXPECT_TRUE(is_sysctl_of("net/ipv4/ip_forward", CLONE_NEWNET));
  EXPECT_TRUE(is_sysctl_of("kernel/shmmni", CLONE_NEWIPC));
  EXPECT_TRUE(is_sysctl_of("fs/mqueue/msg_max", CLONE_NEWIPC | CLONE_NEWNET));
  EXPECT_TRUE(is_sysctl_of("kernel/domainname", CLONE_NEWUTS));
  EXPECT_FALSE(is_sysctl_of("net/ipv4/ip_forward", CLONE_NEWIPC | CLONE_NEWUTS));
  EXPECT_FALSE(is_sysctl_of("kernel/shmmni", CLONE_NEWNET));
  EXPECT_FALSE(is_sysctl_of("kernel/hostname", CLONE_NEWNET | CLONE_NEWIPC));
  constexpr std::uint64_t kAll = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  for (const auto* path : {"kernel/panic", "net/../kernel/panic", "vm/swappiness", "net", ""})
    EXPECT_FALSE(is_sysctl_of(path, kAll)) << path;
}

TEST(FdTable, GivesWhatIsThereOnce) {
  std::vector<UniqueFd> fds;
  fds.emplace_back(::fcntl(0, F_DUPFD_CLOEXEC, 0));
  FdTable table(std::move(fds));
  EXPECT_TRUE(table.get(0));
  for (const plan::FdIndex index : {-2, -1, 1, 1000}) {
    const auto fd = table.get(index);
    ASSERT_FALSE(fd);
    EXPECT_EQ(fd.error().sys_errno(), EBADF);
  }
  auto none = table.take(plan::kNoFd);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  EXPECT_TRUE(table.take(0));
  EXPECT_FALSE(table.take(0));
}

TEST(Interpreter, StopsAtTheFirstFailureAndNamesIt) {
  const FdTable none;
  const std::vector<plan::Operation> operations = {plan::JoinNamespace{.fd = 3, .kind = 0},
                                                   plan::JoinNamespace{.fd = 4, .kind = 0}};
  OperationState state{.fds = none};
  const auto failure = interpret(operations, state);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->operation, 0U);
  EXPECT_EQ(failure->sys_errno, EBADF);
  EXPECT_FALSE(interpret({}, state));
}

TEST(Interpreter, KnowsWhatNeedsAMountNamespace) {
  EXPECT_TRUE(needs_mount_namespace(plan::SetRoot{}));
  EXPECT_TRUE(needs_mount_namespace(plan::ReadOnlyPath{}));
  EXPECT_FALSE(needs_mount_namespace(plan::Hostname{}));
  EXPECT_FALSE(needs_mount_namespace(plan::EnterRoot{}));
}

TEST(LauncherBuild, RoundTripsAndRefusesTheRest) {
  Build build{};
  ASSERT_TRUE(parse_build("00ff0102030405060708090a0b0c0d0e", build));
  EXPECT_EQ(format_build(build), "00ff0102030405060708090a0b0c0d0e");
  for (const auto* text :
       {"", "00", "00FF0102030405060708090a0b0c0d0e", "00ff0102030405060708090a0b0c0d0e0"})
    EXPECT_FALSE(parse_build(text, build)) << text;
}

}  // namespace
}  // namespace skerry::launcher
