#include "isolators/filesystem/mounts.h"

#include <gtest/gtest.h>

#include "fixtures.h"
#include "isolators/filesystem/filesystem.h"
#include "isolators/filesystem/target.h"
#include "tests/unit/os/temp_dir.h"

namespace skerry::isolators {
namespace {

using os::test::TempDir;
using test::verdict;

std::string bind_verdict(const std::string& source, const std::string& target) {
  return verdict(check_mounts({BindMount{.source = source, .target = target}}));
}

TEST(Mounts, TakesOrdinaryTargets) {
  for (const auto* good : {"/data",
                           "/etc/hosts",
                           "/a/./b//",
                           "/sys/fs/cgroup",
                           "/dev/shm",
                           "/proc/meminfo",
                           "/a..b"}) {
    EXPECT_EQ(bind_verdict("/srv", good), "ok") << good;
  }
}

TEST(Mounts, RefusesTargetsThatAreOurs) {
  for (const auto* bad :
       {"/", "//", "/.", "/proc", "/proc/", "/proc/sys", "/proc/1", "/sys", "/dev"}) {
    EXPECT_EQ(bind_verdict("/srv", bad), "INVALID_ARGUMENT MOUNT_TARGET_REFUSED") << bad;
  }
}

TEST(Mounts, RefusesPathsThatAreNot) {
  for (const auto& bad : {std::string("data"),
                          std::string(),
                          std::string("/a/../b"),
                          std::string("/a\0b", 4),
                          std::string(4096, '/')}) {
    EXPECT_EQ(bind_verdict("/srv", bad), "INVALID_ARGUMENT PATH_INVALID") << bad;
  }
  EXPECT_EQ(bind_verdict("srv", "/data"), "INVALID_ARGUMENT PATH_INVALID");
  EXPECT_EQ(bind_verdict("", "/data"), "INVALID_ARGUMENT PATH_INVALID");
}

TEST(Mounts, RefusesATargetTwice) {
  EXPECT_EQ(verdict(check_mounts({TmpfsMount{.target = "/a"}, TmpfsMount{.target = "/a/"}})),
            "INVALID_ARGUMENT MOUNT_DUPLICATE");
  EXPECT_EQ(verdict(check_mounts({TmpfsMount{.target = "/a"}, TmpfsMount{.target = "/a/b"}})),
            "ok");
}

TEST(Mounts, RefusesBadTmpfs) {
  EXPECT_EQ(verdict(check_mounts({TmpfsMount{.target = "/t", .size = Bytes{0}}})),
            "INVALID_ARGUMENT MOUNT_INVALID");
  EXPECT_EQ(verdict(check_mounts({TmpfsMount{.target = "/t", .mode = 010000}})),
            "INVALID_ARGUMENT MOUNT_INVALID");
  EXPECT_EQ(verdict(check_mounts({TmpfsMount{.target = "/t", .size = Bytes{4096}}})), "ok");
}

TEST(Mounts, ErrorsNameTheMount) {
  const auto refused = check_mounts({BindMount{.source = "/srv", .target = "/proc/sys"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "mount target is \"/proc/sys\", allowed is any place but \"/\", \"/dev\", \"/sys\", "
            "\"/proc\" and below that");
}

TEST(Target, CleansPaths) {
  EXPECT_EQ(clean_path("/"), "/");
  EXPECT_EQ(clean_path("//a/./b//"), "/a/b");
}

class LinkedTarget : public ::testing::Test {
 protected:
  LinkedTarget() {
    for (const auto* dir : {"data", "proc", "run", "var", "a/b"}) root_.dir(dir);
    root_.link("/proc", "direct");
    root_.link("/proc/sys/kernel", "dangling");
    root_.link("../proc/sys", "a/up");
    root_.link("/dangling", "twice");
    root_.link("/run", "var/run");
    root_.link("/run/systemd/resolv.conf", "resolv.conf");
    root_.link("/loop", "loop");
    root_.link("/nowhere/../proc/sys", "detour");
    root_.link("../../../../proc/sys", "above");
  }
  std::string leads_to(const std::string& target) const {
    const auto real = real_target(root_.fd(), target);
    return real ? *real : real.error().reason();
  }
  std::string checked(const std::string& target) const {
    return verdict(check_target_in_root(root_.fd(), target));
  }
  TempDir root_;
};

TEST_F(LinkedTarget, FollowsTheImagesLinks) {
  EXPECT_EQ(leads_to("/data"), "/data");
  EXPECT_EQ(leads_to("/data/new/one"), "/data/new/one");
  EXPECT_EQ(leads_to("/var/run/app"), "/run/app");
  EXPECT_EQ(leads_to("/resolv.conf"), "/run/systemd/resolv.conf");
  EXPECT_EQ(leads_to("/twice"), "/proc/sys/kernel");
}

TEST_F(LinkedTarget, RefusesLinksToProcAlsoBeforeItIsMounted) {
  for (const auto* bad :
       {"/direct", "/direct/sys", "/dangling", "/a/up", "/a/up/kernel", "/twice", "/above"}) {
    EXPECT_EQ(checked(bad), "FAILED_PRECONDITION MOUNT_TARGET_REFUSED") << bad;
  }
  EXPECT_EQ(checked("/var/run/app"), "ok");
  EXPECT_EQ(checked("/data"), "ok");
}

TEST_F(LinkedTarget, RefusesLoopsAndDetours) {
  EXPECT_EQ(checked("/detour"), "FAILED_PRECONDITION MOUNT_TARGET_REFUSED");
  EXPECT_EQ(verdict(check_target_in_root(root_.fd(), "/loop")).substr(0, 20),
            "FAILED_PRECONDITION ");
}

TEST(Filesystem, RefusesARootWithoutLayers) {
  const auto isolator = make_filesystem_isolator({});
  auto config = test::sample_config();
  EXPECT_EQ(verdict(*isolator, config), "ok");
  config.root.layers = {};
  EXPECT_EQ(verdict(*isolator, config), "INVALID_ARGUMENT ROOT_INVALID");
  config.root.layers.assign(501, "/l");
  EXPECT_EQ(verdict(*isolator, config), "INVALID_ARGUMENT ROOT_INVALID");
  config.root.layers = {"relative"};
  EXPECT_EQ(verdict(*isolator, config), "INVALID_ARGUMENT PATH_INVALID");
}

}  // namespace
}  // namespace skerry::isolators
