#include "isolators/process/process.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "fixtures.h"
#include "tests/unit/os/temp_dir.h"

namespace skerry::isolators {
namespace {

using os::test::TempDir;
using test::Prepared;
using test::sample_config;
using test::verdict;

UniqueFd same(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

TEST(Environment, AddsWhatIsMissing) {
  EXPECT_EQ(
      complete_environment({"A=1"}, "host", "/home"),
      (std::vector<std::string>{"A=1",
                                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                "HOSTNAME=host",
                                "HOME=/home"}));
}

TEST(Environment, KeepsWhatIsGivenTheLastOfItsName) {
  EXPECT_EQ(complete_environment({"PATH=/bin", "A=1", "HOME=", "A=2", "HOSTNAME=x"}, "h", "/"),
            (std::vector<std::string>{"PATH=/bin", "A=2", "HOME=", "HOSTNAME=x"}));
}

TEST(Process, RefusesWhatExecWould) {
  const auto isolator = make_process_isolator();
  auto config = sample_config();
  EXPECT_EQ(verdict(*isolator, config), "ok");
  config.process.arguments = {};
  EXPECT_EQ(verdict(*isolator, config), "INVALID_ARGUMENT ARGUMENT_INVALID");
  config.process.arguments = {"a", std::string(std::size_t{128} * 1024, 'x')};
  EXPECT_EQ(verdict(*isolator, config), "INVALID_ARGUMENT ARGUMENT_TOO_LONG");
  config.process.arguments = {"a", std::string("x\0y", 3)};
  EXPECT_EQ(verdict(*isolator, config), "INVALID_ARGUMENT ARGUMENT_INVALID");
  config.process.arguments = {"a"};
  config.process.environment = {"NOVALUE"};
  EXPECT_EQ(verdict(*isolator, config), "INVALID_ARGUMENT ARGUMENT_INVALID");
}

TEST(Process, RefusesBadWorkingDirectoryAndUser) {
  const auto isolator = make_process_isolator();
  auto config = sample_config();
  for (const auto& bad : {std::string(), std::string("tmp"), std::string(4096, '/')}) {
    config.process.working_directory = bad;
    EXPECT_EQ(verdict(*isolator, config), "INVALID_ARGUMENT PATH_INVALID");
  }
  config = sample_config();
  config.process.user = "a:b:c";
  EXPECT_EQ(verdict(*isolator, config), "INVALID_ARGUMENT USER_INVALID");
}

TEST(Process, LooksUsersUpInsideTheRoot) {
  const TempDir root;
  root.dir("etc");
  root.file("real", "app:x:1000:1001::/home/app:/bin/sh\n");
  root.link("/real", "etc/passwd");  // absolute: of the root, not of the host
  auto config = sample_config();
  config.process.user = "app";
  config.process.working_directory = "/srv";
  Prepared prepared;
  prepared.builder.set_root(prepared.builder.add_fd(same(root.fd())));
  ASSERT_TRUE(prepared.run(*make_process_isolator(), config));
  EXPECT_EQ(prepared.builder.user_id(), 1000U);
  const auto built = prepared.builder.build();
  EXPECT_EQ(
      built.plan.operations,
      (std::vector<plan::Operation>{plan::MakeDir{.path = "/srv", .mode = 0755},
                                    plan::SetIds{.uid = 1000, .gid = 1001, .groups = {1001}},
                                    plan::WorkingDirectory{.path = "/srv", .create = false}}));
  EXPECT_EQ(built.plan.exec.arguments, config.process.arguments);
  EXPECT_EQ(built.plan.exec.environment.back(), "HOME=/home/app");
}

TEST(UserDatabaseFile, MissingIsEmpty) {
  const TempDir root;
  EXPECT_EQ(read_user_database(root.fd(), "etc/passwd").value(), "");
  root.file("etc", "a file");
  EXPECT_EQ(read_user_database(root.fd(), "etc/passwd").value(), "");
}

TEST(UserDatabaseFile, RefusesWhatIsNoPlainFile) {
  const TempDir root;
  root.dir("etc/group");
  ASSERT_EQ(::mkfifoat(root.fd(), "etc/passwd", 0600), 0);
  for (const auto* path : {"etc/passwd", "etc/group"}) {
    const auto text = read_user_database(root.fd(), path);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().reason(), "USER_DATABASE_INVALID");
  }
}

// Some of them give what they hold to one reader only.
TEST(UserDatabaseFile, RefusesFilesOfTheKernel) {
  const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const auto* path : {"proc/version", "sys/devices/system/cpu/online"}) {
    const auto text = read_user_database(root.get(), path);
    ASSERT_FALSE(text) << path;
    EXPECT_EQ(text.error().reason(), "USER_DATABASE_INVALID");
  }
}

TEST(UserDatabaseFile, RefusesWhatIsTooLong) {
  const TempDir root;
  root.dir("etc");
  root.file("etc/passwd", std::string((1U << 20U) + 1, '\n'));
  const auto text = read_user_database(root.fd(), "etc/passwd");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().reason(), "USER_DATABASE_INVALID");
}

TEST(UserDatabaseFile, LinksOutOfTheRootStayInside) {
  const TempDir root;
  root.dir("etc");
  root.link("../../../../../../etc/passwd", "etc/passwd");
  // In its own root the link leads to itself.
  const auto text = read_user_database(root.fd(), "etc/passwd");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().reason(), "USER_DATABASE_INVALID");
}

}  // namespace
}  // namespace skerry::isolators
