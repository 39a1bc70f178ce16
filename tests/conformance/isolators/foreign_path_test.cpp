// Paths that hang: a FUSE file system whose other end never answers.
#include "os/foreign_path.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/conformance/privileged.h"
#include "tests/unit/os/temp_dir.h"

namespace skerry::os {
namespace {

using std::chrono::milliseconds;
using test::TempDir;

constexpr milliseconds kLong{10'000};
constexpr milliseconds kShort{50};

TEST(ForeignPaths, OpensFilesAndDirectories) {
  const TempDir temp;
  temp.file("file");
  temp.dir("dir");
  temp.link("dir", "link");
  ForeignPaths paths;
  EXPECT_FALSE(paths.open(temp.at("file"), kLong).value().is_directory);
  EXPECT_TRUE(paths.open(temp.at("dir"), kLong).value().is_directory);
  EXPECT_TRUE(paths.open(temp.at("link"), kLong).value().is_directory);
}

TEST(ForeignPaths, MissingIsNotFoundWithAndWithoutHelper) {
  const TempDir temp;
  ForeignPaths paths;
  // The first look is not in the kernel's cache, the second one is.
  for (int look = 0; look < 2; ++look) {
    const auto missing = paths.open(temp.at("missing"), kLong);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), Code::kNotFound);
    EXPECT_EQ(missing.error().sys_errno(), ENOENT);
  }
}

TEST(ForeignPaths, HelperPassesTheDescriptor) {
  ForeignPaths paths;
  // procfs looks every process up anew: never out of the cache.
  const auto opened = paths.open("/proc/self/task", kLong);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_TRUE(opened->is_directory);
  EXPECT_EQ(::fcntl(opened->fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

/// In a child, whose mount namespace takes the hanging file system with it.
int try_hanging_mount(const std::string& where) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return 10;
  }
  const UniqueFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fuse) return 11;
  const auto data = fmt::format("fd={},rootmode=40000,user_id=0,group_id=0", fuse.get());
  if (::mount("hang", where.c_str(), "fuse", 0, data.c_str()) != 0) return 12;
  int failed = 0;
  {
    ForeignPaths paths;
    const auto start = std::chrono::steady_clock::now();
    const auto hung = paths.open(where + "/x", kShort);
    if (hung || hung.error().code() != Code::kDeadlineExceeded) failed = 1;
    if (hung || hung.error().reason() != "PATH_HANGS") failed = 2;
    if (std::chrono::steady_clock::now() - start > kLong) failed = 3;
    // Others are not held up.
    if (!paths.open("/proc/self/task", kLong)) failed = 4;
    ForeignPaths none(0);
    const auto refused = none.open(where + "/x", kShort);
    if (refused || refused.error().code() != Code::kUnavailable) failed = 5;
  }
  static_cast<void>(::umount2(where.c_str(), MNT_DETACH));
  // Nobody is left behind: every helper was killed and reaped.
  if (::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD) failed = 6;
  return failed;
}

TEST(ForeignPaths, GivesUpOnAPathThatHangs) {
  SKERRY_REQUIRE(::geteuid() == 0, "needs root");
  SKERRY_REQUIRE(::access("/dev/fuse", R_OK | W_OK) == 0, "needs /dev/fuse");
  const TempDir temp;
  temp.dir("mount");
  const auto where = temp.at("mount");
  const pid_t child = ::fork();  // NOLINT(skerry-banned)
  if (child == 0) ::_exit(try_hanging_mount(where));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace skerry::os
