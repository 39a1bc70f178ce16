#include "volumes/mountpoint.h"

#include <gtest/gtest.h>

#include "tests/unit/os/temp_dir.h"

namespace skerry::volumes {
namespace {

using os::test::TempDir;
using std::chrono::milliseconds;

CallLimits limits() { return CallLimits::within(milliseconds(10'000)); }

TEST(Mountpoint, AcceptsOrdinaryPlaces) {
  for (const char* path :
       {"/srv/data", "/var/lib/x/mnt/", "/processes", "/device", "/a..b", "/sysx"})
    EXPECT_TRUE(check_mountpoint(path)) << path;
}

TEST(Mountpoint, RefusesWhatWouldOpenTheHost) {
  for (const std::string& path : {std::string(),
                                  std::string("/"),
                                  std::string("//"),
                                  std::string("/./"),
                                  std::string("/proc"),
                                  std::string("//proc/1/root"),
                                  std::string("/./proc/self"),
                                  std::string("/sys/fs"),
                                  std::string("/dev"),
                                  std::string("/dev/sda"),
                                  std::string("/srv/../etc"),
                                  std::string("srv"),
                                  std::string("/srv\0x", 6),
                                  "/" + std::string(5000, 'x')}) {
    const auto checked = check_mountpoint(path);
    ASSERT_FALSE(checked) << path;
    EXPECT_EQ(checked.error().reason(), "MOUNTPOINT_INVALID");
  }
}

TEST(Mountpoint, LinkIntoTheKernelsTreesIsRefused) {
  const TempDir temp;
  temp.link("/proc/self", "link");
  temp.link("/", "root");
  os::ForeignPaths paths;
  for (const char* name : {"link", "root"}) {
    const auto opened = open_mountpoint(paths, temp.at(name), limits());
    ASSERT_FALSE(opened) << name;
    EXPECT_EQ(opened.error().reason(), "MOUNTPOINT_INVALID");
  }
}

TEST(Mountpoint, OpensADirectoryAndSaysThatItIsNoMount) {
  const TempDir temp;
  temp.dir("data");
  os::ForeignPaths paths;
  const auto opened = open_mountpoint(paths, temp.at("data"), limits());
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_TRUE(opened->is_directory);
  EXPECT_FALSE(opened->is_mount_root);
  EXPECT_EQ(open_mountpoint(paths, temp.at("gone"), limits()).error().reason(),
            "MOUNTPOINT_NOT_FOUND");
}

TEST(Mountpoint, IsWithinComparesComponents) {
  EXPECT_TRUE(is_within("/srv/data", "/srv"));
  EXPECT_TRUE(is_within("/srv", "/srv"));
  EXPECT_TRUE(is_within("/srv", "/"));
  EXPECT_FALSE(is_within("/srv2", "/srv"));
  EXPECT_FALSE(is_within("/", "/srv"));
}

}  // namespace
}  // namespace skerry::volumes
