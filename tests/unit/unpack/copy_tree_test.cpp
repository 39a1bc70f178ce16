#include "unpack/copy_tree.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "../os/temp_dir.h"
#include "os/path.h"

namespace skerry::unpack {
namespace {

namespace fs = std::filesystem;

class CopyTree : public ::testing::Test {
 protected:
  CopyTree() {
    temp_.dir("from/d/e");
    temp_.file("from/d/file", "content");
    temp_.link("/etc/passwd", "from/link");
    fs::create_hard_link(temp_.at("from/d/file"), temp_.at("from/second"));
    CHECK(::mkfifo(temp_.at("from/fifo").c_str(), 0600) == 0);
    CHECK(::chmod(temp_.at("from/d/file").c_str(), 04711) == 0);
  }

  Result<Unpacked> copy(const std::string& from, const std::string& to, const Limits& limits = {}) {
    temp_.dir(to);
    TRY_ASSIGN(const UniqueFd source, os::open_dir(temp_.at(from)));
    TRY_ASSIGN(const UniqueFd root, os::open_dir(temp_.at(to)));
    return copy_tree(source.get(), root.get(), limits);
  }

  os::test::TempDir temp_;
};

TEST_F(CopyTree, CopiesAllTypes) {
  const auto copied = copy("from", "to");
  ASSERT_TRUE(copied) << copied.error().message();
  EXPECT_EQ(copied->bytes, 7U);
  EXPECT_EQ(copied->entries, 6U);
  EXPECT_EQ(fs::read_symlink(temp_.at("to/link")), "/etc/passwd");
  EXPECT_TRUE(fs::equivalent(temp_.at("to/d/file"), temp_.at("to/second")));
  EXPECT_TRUE(fs::is_fifo(temp_.at("to/fifo")));
  struct stat from {};
  struct stat to {};
  ASSERT_EQ(::stat(temp_.at("from/d").c_str(), &from), 0);
  ASSERT_EQ(::stat(temp_.at("to/d").c_str(), &to), 0);
  EXPECT_EQ(from.st_mtim.tv_sec, to.st_mtim.tv_sec);
  EXPECT_EQ(from.st_mtim.tv_nsec, to.st_mtim.tv_nsec);
  ASSERT_EQ(::stat(temp_.at("to/second").c_str(), &to), 0);
  EXPECT_EQ(to.st_mode & 07777U, 04711U);
}

TEST_F(CopyTree, TheSameTreeHasTheSameDigest) {
  const auto first = copy("from", "one");
  const auto second = copy("one", "two");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->digest, second->digest);
}

TEST_F(CopyTree, AnyChangeChangesTheDigest) {
  const auto before = copy("from", "one");
  ASSERT_TRUE(before);
  ASSERT_EQ(::chmod(temp_.at("from/d/e").c_str(), 0700), 0);
  const auto mode = copy("from", "two");
  ASSERT_TRUE(mode);
  EXPECT_NE(before->digest, mode->digest);
  fs::rename(temp_.at("from/d/e"), temp_.at("from/d/f"));
  const auto name = copy("from", "three");
  ASSERT_TRUE(name);
  EXPECT_NE(mode->digest, name->digest);
}

TEST_F(CopyTree, KeepsHoles) {
  temp_.file("from/sparse", "x");
  fs::resize_file(temp_.at("from/sparse"), 8U << 20U);
  const auto copied = copy("from", "to");
  ASSERT_TRUE(copied);
  struct stat info {};
  ASSERT_EQ(::stat(temp_.at("to/sparse").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 8 << 20);
  EXPECT_LT(info.st_blocks * 512, 1 << 20);
}

TEST_F(CopyTree, KeepsToItsLimits) {
  const auto entries = copy("from", "one", {.max_entries = 2});
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().reason(), "ARCHIVE_TOO_MANY_ENTRIES");
  const auto bytes = copy("from", "two", {.max_bytes = Bytes(3)});
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().reason(), "ARCHIVE_TOO_LARGE");
  EXPECT_EQ(bytes.error().object(), "d/file");
}

TEST_F(CopyTree, RefusesTreesThatAreTooDeep) {
  std::string path = "from/deep";
  for (int i = 0; i < 600; ++i) path += "/d";
  temp_.dir(path);
  const auto copied = copy("from", "to");
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().reason(), "SOURCE_TOO_DEEP");
}

}  // namespace
}  // namespace skerry::unpack
