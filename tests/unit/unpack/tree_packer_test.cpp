#include "unpack/tree_packer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "../os/temp_dir.h"
#include "os/path.h"
#include "unpack/options.h"

namespace skerry::unpack {
namespace {

namespace fs = std::filesystem;

class TreePacker : public ::testing::Test {
 protected:
  TreePacker() {
    temp_.dir("root/d/e");
    temp_.file("root/d/file", "content");
    temp_.link("/d", "root/absolute");
    temp_.link("../../../../etc", "root/up");
    fs::create_hard_link(temp_.at("root/d/file"), temp_.at("root/d/e/second"));
    CHECK(::mkfifo(temp_.at("root/d/fifo").c_str(), 0600) == 0);
    CHECK(::chmod(temp_.at("root/d/file").c_str(), 04711) == 0);
    temp_.dir("to");
  }

  /// Packs, and unpacks below "to".
  Result<Unpacked> through(const std::string& path, const CopyTarget& target = {}) {
    TRY_ASSIGN(const UniqueFd root, os::open_dir(temp_.at("root")));
    TRY_ASSIGN(const UniqueFd to, os::open_dir(temp_.at("to")));
    const UniqueFd archive(
        ::open(temp_.at("archive").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    TRY_ASSIGN(const Unpacked packed, pack_tree(root.get(), path, archive.get(), {}));
    CHECK(::lseek(archive.get(), 0, SEEK_SET) == 0);
    TRY_ASSIGN(const Unpacked unpacked, unpack_into(archive.get(), to.get(), target, {}));
    EXPECT_EQ(packed.entries, unpacked.entries);
    return unpacked;
  }

  os::test::TempDir temp_;
};

TEST_F(TreePacker, CarriesAllTypes) {
  const auto done = through("/d");
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->entries, 5U);
  EXPECT_TRUE(fs::equivalent(temp_.at("to/d/file"), temp_.at("to/d/e/second")));
  EXPECT_TRUE(fs::is_fifo(temp_.at("to/d/fifo")));
  struct stat info {};
  ASSERT_EQ(::stat(temp_.at("to/d/file").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 04711U);
  EXPECT_EQ(info.st_size, 7);
}

TEST_F(TreePacker, NamesBeginWithTheLastComponent) {
  ASSERT_TRUE(through("/d/file"));
  EXPECT_TRUE(fs::exists(temp_.at("to/file")));
  ASSERT_TRUE(through("/d/e/."));
  EXPECT_TRUE(fs::exists(temp_.at("to/second")));
}

TEST_F(TreePacker, FollowsANamedLinkOnlyWithASlash) {
  ASSERT_TRUE(through("/absolute"));
  EXPECT_EQ(fs::read_symlink(temp_.at("to/absolute")), "/d");
  fs::remove(temp_.at("to/absolute"));
  ASSERT_TRUE(through("/absolute/"));
  EXPECT_TRUE(fs::is_regular_file(temp_.at("to/absolute/file")));
}

TEST_F(TreePacker, LinksEndAtTheRoot) {
  const auto gone = through("/up/passwd");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().reason(), "PATH_NOT_FOUND");
  EXPECT_EQ(gone.error().code(), Code::kNotFound);
}

TEST_F(TreePacker, GoesIntoADirectoryThatIsThere) {
  temp_.dir("to/in/side");
  ASSERT_TRUE(through("/d/file", {.path = "in/side", .owner = {}}));
  EXPECT_TRUE(fs::exists(temp_.at("to/in/side/file")));
}

TEST_F(TreePacker, KindsAreKept) {
  temp_.dir("to/file");
  const auto directory = through("/d/file");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().reason(), "WOULD_REPLACE_DIRECTORY");
  temp_.file("to/d", "");
  const auto file = through("/d");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().reason(), "WOULD_REPLACE_FILE");
}

TEST_F(TreePacker, TheTargetItselfKeepsItsLooks) {
  ASSERT_EQ(::chmod(temp_.at("to").c_str(), 0711), 0);
  ASSERT_EQ(::chmod(temp_.at("root/d").c_str(), 0700), 0);
  ASSERT_TRUE(through("/d/."));
  struct stat info {};
  ASSERT_EQ(::stat(temp_.at("to").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0711U);
}

TEST(CopyOptions, TakesAll) {
  const std::vector<std::string_view> good = {"--copy=out",
                                              "--root=mount",
                                              "--path=/a b",
                                              "--owner=7:8",
                                              "--max-bytes=1",
                                              "--max-entries=2",
                                              "--max-ratio=3",
                                              "--max-memory=4",
                                              "--max-cpu-seconds=5"};
  ASSERT_TRUE(is_copy(good));
  const auto options = parse_copy_options(good);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->direction, CopyDirection::kOut);
  EXPECT_EQ(options->root, ContainerEntry::Kind::kMount);
  EXPECT_EQ(options->path, "/a b");
  EXPECT_EQ(options->owner, (std::pair<uid_t, gid_t>{7, 8}));
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto fewer = good;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(parse_copy_options(fewer));
  }
  auto bad = good;
  bad[2] = "--path=a";
  EXPECT_FALSE(parse_copy_options(bad));
  bad = good;
  bad[3] = "--owner=7";
  EXPECT_FALSE(parse_copy_options(bad));
}

}  // namespace
}  // namespace skerry::unpack
