// Detached mounts, on both ways of making an overlay.
#include "os/mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <gtest/gtest.h>

#include "os/path.h"
#include "tests/conformance/privileged.h"
#include "tests/unit/os/temp_dir.h"

namespace skerry::os {
namespace {

using test::TempDir;

std::string mount_table() { return read_file("/proc/self/mountinfo", 1UL << 20U).value(); }

std::string text_at(const UniqueFd& mount, const std::string& name) {
  auto text = read_file_at(mount.get(), name, 100);
  return text ? *text : text.error().message();
}

class Mount : public ::testing::Test {
 protected:
  void SetUp() override {
    SKERRY_REQUIRE(::geteuid() == 0, "needs root");
    table_before_ = mount_table();
  }
  void TearDown() override {
    if (!table_before_.empty()) {
      EXPECT_EQ(mount_table(), table_before_);
    }
  }
  HostPath host(const std::string& name) const { return {.dir = -1, .path = temp_.at(name)}; }

  TempDir temp_;
  std::string table_before_;
};

class Overlay : public Mount, public ::testing::WithParamInterface<OverlayArm> {
 protected:
  void SetUp() override {
    Mount::SetUp();
    SKERRY_REQUIRE(GetParam() == OverlayArm::kOneString || kernel_has_lowerdir_plus(),
                   "kernel has no lowerdir+");
    for (const auto* dir : {"top", "bottom", "upper", "work"}) temp_.dir(dir);
    temp_.file("top/a", "top");
    temp_.file("bottom/a", "bottom");
    temp_.file("bottom/b", "bottom");
  }
  OverlaySpec writable() const {
    return {.lowers = {host("top"), host("bottom")}, .upper = host("upper"), .work = host("work")};
  }
};

INSTANTIATE_TEST_SUITE_P(Arms,
                         Overlay,
                         ::testing::Values(OverlayArm::kLayerByLayer, OverlayArm::kOneString),
                         [](const auto& arm) {
                           return arm.param == OverlayArm::kOneString ? "OneString"
                                                                      : "LayerByLayer";
                         });

TEST_P(Overlay, StacksLayersUppermostFirst) {
  const auto mount = make_overlay(writable(), GetParam());
  ASSERT_TRUE(mount) << mount.error().message();
  EXPECT_EQ(::fcntl(mount->get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(text_at(*mount, "a"), "top");
  EXPECT_EQ(text_at(*mount, "b"), "bottom");
  ASSERT_TRUE(write_file_atomic(mount->get(), "c", "new"));
  EXPECT_TRUE(temp_.exists("upper/c"));
}

TEST_P(Overlay, IsReadOnlyWithoutUpper) {
  const auto mount = make_overlay({.lowers = {host("top"), host("bottom")}}, GetParam());
  ASSERT_TRUE(mount) << mount.error().message();
  EXPECT_EQ(text_at(*mount, "a"), "top");
  EXPECT_FALSE(write_file_atomic(mount->get(), "c", "new"));
}

TEST_P(Overlay, TakesDescriptorsAndAwkwardNames) {
  for (const auto* dir : {"a:b", "c,d", "e\\f"}) temp_.dir(dir);
  temp_.file("a:b/colon");
  temp_.file("c,d/comma");
  const auto colon = open_dir(temp_.at("a:b"));
  ASSERT_TRUE(colon);
  const OverlaySpec spec{.lowers = {{.dir = colon->get(), .path = {}},
                                    {.dir = temp_.fd(), .path = "c,d"},
                                    {.dir = temp_.fd(), .path = "e\\f"}},
                         .upper = HostPath{.dir = temp_.fd(), .path = "upper"},
                         .work = HostPath{.dir = temp_.fd(), .path = "work"}};
  const auto mount = make_overlay(spec, GetParam());
  ASSERT_TRUE(mount) << mount.error().message();
  EXPECT_EQ(text_at(*mount, "colon"), "x");
  EXPECT_EQ(text_at(*mount, "comma"), "x");
}

TEST_P(Overlay, TakesManyLayersWithLongPaths) {
  const std::string deep = std::string(200, 'd') + "/" + std::string(200, 'e') + "/";
  OverlaySpec spec = writable();
  spec.lowers.clear();
  for (int i = 0; i < 200; ++i) {
    const auto name = deep + std::to_string(i);
    temp_.dir(name);
    temp_.file(name + "/f", std::to_string(i));
    spec.lowers.push_back(host(name));
  }
  const auto mount = make_overlay(spec, GetParam());
  ASSERT_TRUE(mount) << mount.error().message();
  EXPECT_EQ(text_at(*mount, "f"), "0");
}

TEST_P(Overlay, IsVolatileWhenAsked) {
  auto spec = writable();
  spec.is_volatile = true;
  const auto mount = make_overlay(spec, GetParam());
  ASSERT_TRUE(mount) << mount.error().message();
  EXPECT_TRUE(temp_.exists("work/work/incompat/volatile"));
}

TEST_P(Overlay, CarriesItsFlags) {
  auto spec = writable();
  spec.flags = {.nosuid = true, .nodev = true};
  const auto mount = make_overlay(spec, GetParam());
  ASSERT_TRUE(mount) << mount.error().message();
  struct statvfs info {};
  ASSERT_EQ(::fstatvfs(mount->get(), &info), 0);
  EXPECT_EQ(info.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_RDONLY), ST_NOSUID | ST_NODEV);
}

TEST_P(Overlay, SaysWhichLayerIsMissing) {
  auto spec = writable();
  spec.lowers.push_back(host("missing"));
  const auto mount = make_overlay(spec, GetParam());
  ASSERT_FALSE(mount);
  EXPECT_EQ(mount.error().code(), Code::kNotFound);
  EXPECT_NE(mount.error().message().find("missing"), std::string::npos) << mount.error().message();
}

TEST_P(Overlay, RefusesImpossibleSpecs) {
  OverlaySpec none = writable();
  none.lowers.clear();
  OverlaySpec no_work = writable();
  no_work.work.reset();
  OverlaySpec too_many = writable();
  too_many.lowers.assign(501, host("top"));
  for (const auto& spec : {none, no_work, too_many, OverlaySpec{.lowers = {host("top")}}}) {
    const auto mount = make_overlay(spec, GetParam());
    ASSERT_FALSE(mount);
    EXPECT_EQ(mount.error().code(), Code::kInvalidArgument);
  }
}

TEST_F(Mount, TmpfsHasSizeModeAndFlags) {
  const auto mount = make_tmpfs({.size = Bytes{1024UL * 1024},
                                 .inodes = 8,
                                 .mode = 0750,
                                 .uid = 12,
                                 .flags = {.nosuid = true, .noexec = true}});
  ASSERT_TRUE(mount) << mount.error().message();
  struct stat info {};
  ASSERT_EQ(::fstat(mount->get(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0750U);
  EXPECT_EQ(info.st_uid, 12U);
  struct statvfs space {};
  ASSERT_EQ(::fstatvfs(mount->get(), &space), 0);
  EXPECT_EQ(space.f_blocks * space.f_frsize, 1024UL * 1024);
  EXPECT_EQ(space.f_files, 8U);
  EXPECT_NE(space.f_flag & ST_NOEXEC, 0U);
}

TEST_F(Mount, CloneIsReadOnlyWhenAsked) {
  temp_.dir("source");
  temp_.file("source/f", "bytes");
  const auto mount = clone_tree(host("source"), MountScope::kTree, {.read_only = true});
  ASSERT_TRUE(mount) << mount.error().message();
  EXPECT_EQ(text_at(*mount, "f"), "bytes");
  EXPECT_FALSE(write_file_atomic(mount->get(), "g", "x"));
  EXPECT_TRUE(write_file_atomic(temp_.fd(), "source-is-writable", "x"));
}

TEST_F(Mount, ClonesADescriptorOfAFile) {
  temp_.file("f", "bytes");
  const auto file = open_in_root(temp_.fd(), "f", O_PATH);
  ASSERT_TRUE(file);
  const auto mount = clone_tree({.dir = file->get(), .path = {}}, MountScope::kOne, {});
  ASSERT_TRUE(mount) << mount.error().message();
  struct stat info {};
  ASSERT_EQ(::fstat(mount->get(), &info), 0);
  EXPECT_TRUE(S_ISREG(info.st_mode));
}

TEST_F(Mount, CloneSaysNotFound) {
  EXPECT_EQ(clone_tree(host("none"), MountScope::kOne, {}).error().code(), Code::kNotFound);
}

// In a child, because the process's mount namespace stays as it is.
TEST_F(Mount, AttachesInsideANamespaceAndRemoveTreeStopsThere) {
  temp_.dir("tree/target");
  temp_.dir("source");
  temp_.file("source/kept");
  const auto mount = clone_tree(host("source"), MountScope::kOne, {});
  ASSERT_TRUE(mount);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0) ::_exit(1);
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(2);
    // By path: the descriptor of the fixture belongs to the namespace left behind.
    const auto dir = open_dir(temp_.path());
    const UniqueFd target(::openat(dir->get(), "tree/target", O_PATH | O_CLOEXEC));
    if (!attach_mount(mount->get(), target.get())) ::_exit(3);
    const auto removed = remove_tree(dir->get(), "tree");
    if (removed || removed.error().code() != Code::kFailedPrecondition) ::_exit(4);
    ::_exit(::access(temp_.at("tree/target/kept").c_str(), F_OK) == 0 ? 0 : 5);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

}  // namespace
}  // namespace skerry::os
