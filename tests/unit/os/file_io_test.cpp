#include <gtest/gtest.h>

#include "os/path.h"
#include "temp_dir.h"

namespace skerry::os {
namespace {

using test::TempDir;

TEST(ReadFile, ReadsUpToTheLimit) {
  const TempDir temp;
  temp.file("f", std::string(5000, 'a'));
  EXPECT_EQ(read_file(temp.at("f"), 5000)->size(), 5000U);
  const auto longer = read_file(temp.at("f"), 4999);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code(), Code::kResourceExhausted);
}

TEST(ReadFile, ReadsKernelFilesWithoutSize) {
  EXPECT_FALSE(read_file("/proc/self/stat", 4096)->empty());
}

TEST(ReadFile, SaysNotFound) {
  const TempDir temp;
  EXPECT_EQ(read_file_at(temp.fd(), "none", 10).error().code(), Code::kNotFound);
}

TEST(WriteFileAtomic, ReplacesAndLeavesNoTemporary) {
  const TempDir temp;
  ASSERT_TRUE(write_file_atomic(temp.fd(), "f", "one"));
  ASSERT_TRUE(write_file_atomic(temp.fd(), "f", "two", 0600));
  EXPECT_EQ(*read_file_at(temp.fd(), "f", 10), "two");
  struct stat info {};
  ASSERT_EQ(::stat(temp.at("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temp.path()), {}), 1);
}

TEST(WriteFileAtomic, CleansUpWhenTheRenameFails) {
  const TempDir temp;
  temp.dir("taken");
  EXPECT_FALSE(write_file_atomic(temp.fd(), "taken", "x"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temp.path()), {}), 1);
}

TEST(WriteValueAt, WritesToAnExistingFileOnly) {
  const TempDir temp;
  temp.file("f", "");
  ASSERT_TRUE(write_value_at(temp.fd(), "f", "12"));
  EXPECT_EQ(*read_file_at(temp.fd(), "f", 10), "12");
  EXPECT_EQ(write_value_at(temp.fd(), "none", "12").error().code(), Code::kNotFound);
}

TEST(RemoveTree, RemovesFilesAndDirectories) {
  const TempDir temp;
  temp.dir("t/a/b");
  temp.file("t/a/f");
  temp.file("t/a/b/g");
  ASSERT_TRUE(remove_tree(temp.fd(), "t"));
  EXPECT_FALSE(temp.exists("t"));
}

TEST(RemoveTree, RemovesAFile) {
  const TempDir temp;
  temp.file("f");
  ASSERT_TRUE(remove_tree(temp.fd(), "f"));
  EXPECT_FALSE(temp.exists("f"));
}

TEST(RemoveTree, SucceedsForWhatIsGone) {
  const TempDir temp;
  EXPECT_TRUE(remove_tree(temp.fd(), "none"));
}

TEST(RemoveTree, FollowsNoLink) {
  const TempDir temp;
  temp.dir("kept");
  temp.file("kept/f");
  temp.dir("t");
  temp.link("../kept", "t/link");
  temp.link("kept", "top");
  ASSERT_TRUE(remove_tree(temp.fd(), "t"));
  ASSERT_TRUE(remove_tree(temp.fd(), "top"));
  EXPECT_TRUE(temp.exists("kept/f"));
}

TEST(RemoveTree, RefusesWhatIsNoComponent) {
  const TempDir temp;
  temp.dir("a/b");
  for (const auto* name : {"", ".", "..", "a/b"}) {
    const auto removed = remove_tree(temp.fd(), name);
    ASSERT_FALSE(removed) << name;
    EXPECT_EQ(removed.error().code(), Code::kInvalidArgument);
  }
}

TEST(RemoveTree, ManagesMoreEntriesThanOneListing) {
  const TempDir temp;
  temp.dir("t");
  for (int i = 0; i < 3000; ++i) {
    const auto name = "t/entry-with-a-name-of-some-length-" + std::to_string(i);
    ASSERT_EQ(::mknodat(temp.fd(), name.c_str(), S_IFREG | 0600, 0), 0);
  }
  ASSERT_TRUE(remove_tree(temp.fd(), "t"));
  EXPECT_FALSE(temp.exists("t"));
}

// Deeper than PATH_MAX allows to name, and than descriptors may be open.
TEST(RemoveTree, ManagesAnyDepth) {
  constexpr int kDepth = 3000;
  const TempDir temp;
  UniqueFd current(::openat(temp.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(::mkdirat(current.get(), "d", 0700), 0);
    ASSERT_EQ(::mknodat(current.get(), "f", S_IFREG | 0600, 0), 0);
    current.reset(::openat(current.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(current);
  }
  const auto removed = remove_tree(temp.fd(), "d");
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(temp.exists("d"));
}

TEST(RenameToTrash, MovesUnderAFreshName) {
  const TempDir temp;
  temp.dir("t/a");
  temp.dir("trash");
  const auto trash = open_dir(temp.at("trash"));
  ASSERT_TRUE(trash);
  const auto name = rename_to_trash(temp.fd(), "t", trash->get());
  ASSERT_TRUE(name);
  EXPECT_FALSE(temp.exists("t"));
  EXPECT_TRUE(temp.exists("trash/" + *name + "/a"));
  EXPECT_EQ(rename_to_trash(temp.fd(), "t", trash->get()).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace skerry::os
