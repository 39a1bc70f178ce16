#include "launcher/exec.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace skerry::launcher {
namespace {

int run(std::vector<std::string> arguments, std::vector<std::string> environment) {
  const plan::Exec exec{.arguments = std::move(arguments), .environment = std::move(environment)};
  return PreparedExec(exec).run();
}

TEST(ExecSearch, TakesThePathOfTheNewEnvironment) {
  EXPECT_EQ(search_path_of({"A=b", "PATH=/x:/y", "PATH=/z"}), "/x:/y");
  EXPECT_EQ(search_path_of({"PATH="}), "");
  EXPECT_EQ(search_path_of({"MYPATH=/x"}),
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

TEST(ExecSearch, SaysWhatKeptItFromRunning) {
  EXPECT_EQ(run({"no-such-program"}, {"PATH=/bin:/usr/bin"}), ENOENT);
  EXPECT_EQ(run({"/no/such/program"}, {}), ENOENT);
  EXPECT_EQ(run({"/etc/passwd/x"}, {}), ENOTDIR);
  EXPECT_EQ(run({""}, {}), ENOENT);
  EXPECT_EQ(run({"/etc/passwd"}, {}), EACCES);
}

TEST(ExecSearch, RemembersAFileThatMayNotBeRun) {
  EXPECT_EQ(run({"passwd"}, {"PATH=/nowhere:/etc:/etc/passwd:/tmp"}), EACCES);
}

}  // namespace
}  // namespace skerry::launcher
