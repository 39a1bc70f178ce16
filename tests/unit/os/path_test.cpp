#include "os/path.h"

#include <gtest/gtest.h>

#include "temp_dir.h"

namespace skerry::os {
namespace {

using test::TempDir;

ino_t inode(int fd) {
  struct stat info {};
  EXPECT_EQ(::fstat(fd, &info), 0);
  return info.st_ino;
}

ino_t inode(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_ino;
}

TEST(OpenInRoot, KeepsAbsoluteLinksInside) {
  const TempDir temp;
  temp.dir("root/etc");
  temp.file("root/etc/passwd", "inside");
  temp.link("/etc/passwd", "root/link");
  const auto root = open_dir(temp.at("root"));
  ASSERT_TRUE(root);
  const auto fd = open_in_root(root->get(), "link", O_RDONLY);
  ASSERT_TRUE(fd);
  EXPECT_EQ(*read_file(fd->get(), 100), "inside");
}

TEST(OpenInRoot, StopsDotDotAtTheRoot) {
  const TempDir temp;
  temp.dir("root");
  temp.file("root/secret", "inside");
  temp.file("secret", "outside");
  const auto root = open_dir(temp.at("root"));
  ASSERT_TRUE(root);
  const auto fd = open_in_root(root->get(), "../../secret", O_RDONLY);
  ASSERT_TRUE(fd);
  EXPECT_EQ(*read_file(fd->get(), 100), "inside");
}

TEST(OpenInRoot, RefusesMagicLinks) {
  const auto proc = open_dir("/proc");
  ASSERT_TRUE(proc);
  const auto fd = open_in_root(proc->get(), "self/cwd", O_PATH);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code(), Code::kFailedPrecondition);
}

TEST(OpenInRoot, SetsCloseOnExec) {
  const TempDir temp;
  const auto fd = open_in_root(temp.fd(), ".", O_PATH);
  ASSERT_TRUE(fd);
  EXPECT_EQ(::fcntl(fd->get(), F_GETFD), FD_CLOEXEC);
}

TEST(OpenBeneath, RefusesToLeave) {
  const TempDir temp;
  temp.dir("root");
  temp.file("secret");
  temp.link("/etc", "root/absolute");
  temp.link("..", "root/up");
  const auto root = open_dir(temp.at("root"));
  ASSERT_TRUE(root);
  for (const auto* path : {"../secret", "absolute", "up/secret"}) {
    const auto fd = open_beneath(root->get(), path, O_PATH);
    ASSERT_FALSE(fd) << path;
    EXPECT_EQ(fd.error().code(), Code::kFailedPrecondition) << path;
  }
}

TEST(OpenBeneath, SaysNotFound) {
  const TempDir temp;
  const auto fd = open_beneath(temp.fd(), "nothing", O_PATH);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code(), Code::kNotFound);
}

TEST(MakeDirsInRoot, MakesWhatIsMissing) {
  const TempDir temp;
  temp.dir("a");
  const auto fd = make_dirs_in_root(temp.fd(), "/a/b//c", 0700);
  ASSERT_TRUE(fd) << fd.error().message();
  EXPECT_EQ(inode(fd->get()), inode(temp.at("a/b/c")));
  struct stat info {};
  ASSERT_EQ(::stat(temp.at("a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  EXPECT_TRUE(make_dirs_in_root(temp.fd(), "/a/b/c", 0700));
}

TEST(MakeDirsInRoot, FollowsLinksInsideTheRootOnly) {
  const TempDir temp;
  temp.dir("root/var");
  temp.link("/var", "root/run");
  const auto root = open_dir(temp.at("root"));
  ASSERT_TRUE(root);
  ASSERT_TRUE(make_dirs_in_root(root->get(), "run/skerry/x", 0755));
  EXPECT_TRUE(temp.exists("root/var/skerry/x"));
  EXPECT_FALSE(std::filesystem::exists("/var/skerry/x"));
}

TEST(MakeDirsInRoot, CannotClimbOut) {
  const TempDir temp;
  temp.dir("root");
  const auto root = open_dir(temp.at("root"));
  ASSERT_TRUE(root);
  ASSERT_TRUE(make_dirs_in_root(root->get(), "../../escaped", 0755));
  EXPECT_TRUE(temp.exists("root/escaped"));
  EXPECT_FALSE(temp.exists("escaped"));
}

TEST(MakeDirsInRoot, RefusesFilesAndDanglingLinks) {
  const TempDir temp;
  temp.file("file");
  temp.link("nowhere", "dangling");
  for (const auto* path : {"file", "file/below", "dangling", "dangling/below"}) {
    const auto fd = make_dirs_in_root(temp.fd(), path, 0755);
    ASSERT_FALSE(fd) << path;
    EXPECT_EQ(fd.error().code(), Code::kFailedPrecondition) << path;
  }
  EXPECT_FALSE(temp.exists("nowhere"));
}

TEST(CreateFileInRoot, MakesFileAndParents) {
  const TempDir temp;
  const auto fd = create_file_in_root(temp.fd(), "/etc/deep/hosts", 0640);
  ASSERT_TRUE(fd) << fd.error().message();
  EXPECT_EQ(inode(fd->get()), inode(temp.at("etc/deep/hosts")));
}

TEST(CreateFileInRoot, LeavesWhatIsThere) {
  const TempDir temp;
  temp.file("hosts", "kept");
  ASSERT_TRUE(create_file_in_root(temp.fd(), "hosts", 0644));
  EXPECT_EQ(*read_file_at(temp.fd(), "hosts", 100), "kept");
}

TEST(CreateFileInRoot, DoesNotOpenAFifo) {
  const TempDir temp;
  ASSERT_EQ(::mkfifo(temp.at("fifo").c_str(), 0600), 0);
  EXPECT_TRUE(create_file_in_root(temp.fd(), "fifo", 0644));
}

TEST(CreateFileInRoot, RefusesADirectory) {
  const TempDir temp;
  temp.dir("dir");
  const auto fd = create_file_in_root(temp.fd(), "dir", 0644);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code(), Code::kFailedPrecondition);
}

TEST(CreateFileInRoot, DoesNotFollowADanglingLinkOut) {
  const TempDir temp;
  temp.dir("root");
  temp.link("/../../outside", "root/link");
  const auto root = open_dir(temp.at("root"));
  ASSERT_TRUE(root);
  EXPECT_FALSE(create_file_in_root(root->get(), "link", 0644));
  EXPECT_FALSE(temp.exists("outside"));
}

}  // namespace
}  // namespace skerry::os
