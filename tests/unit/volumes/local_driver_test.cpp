#include "volumes/local/local_driver.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/os/temp_dir.h"
#include "volumes/local/local_options.h"

namespace skerry::volumes {
namespace {

using os::test::TempDir;
using std::chrono::milliseconds;

CallLimits limits() { return CallLimits::within(milliseconds(10'000)); }

/// Owned by whoever runs the test, so that no privilege is needed.
Volume mine(const std::string& name, VolumeOptions options = {}) {
  options.emplace("uid", std::to_string(::geteuid()));
  options.emplace("gid", std::to_string(::getegid()));
  return {.name = name, .options = std::move(options)};
}

class LocalDriverTest : public testing::Test {
 protected:
  mode_t mode_of(const std::string& name) const {
    struct stat info {};
    EXPECT_EQ(::stat(temp_.at(name).c_str(), &info), 0) << name;
    return info.st_mode & 07777U;
  }

  TempDir temp_;
  LocalDriver driver_ = LocalDriver::open(temp_.fd(), temp_.path()).value();
};

TEST_F(LocalDriverTest, MakesDirectoriesWithTheirModes) {
  ASSERT_TRUE(driver_.create(mine("web"), limits()));
  EXPECT_EQ(mode_of("volumes"), 0700U);
  EXPECT_EQ(mode_of("volumes/web/data"), 0755U);
  ASSERT_TRUE(driver_.create(mine("shared", {{"mode", "1777"}}), limits()));
  EXPECT_EQ(mode_of("volumes/shared/data"), 01777U);
}

TEST_F(LocalDriverTest, CreateLeavesWhatIsThere) {
  ASSERT_TRUE(driver_.create(mine("web"), limits()));
  temp_.file("volumes/web/data/precious");
  ASSERT_TRUE(driver_.create(mine("web", {{"mode", "700"}}), limits()));
  EXPECT_TRUE(temp_.exists("volumes/web/data/precious"));
  EXPECT_EQ(mode_of("volumes/web/data"), 0755U);
}

TEST_F(LocalDriverTest, CreateGoesOnWhereACrashLeftIt) {
  temp_.dir("volumes/web/new");
  EXPECT_EQ(driver_.get(mine("web"), limits()).error().reason(), "VOLUME_NOT_FOUND");
  ASSERT_TRUE(driver_.create(mine("web"), limits()));
  EXPECT_TRUE(driver_.get(mine("web"), limits()));
  EXPECT_FALSE(temp_.exists("volumes/web/new"));
}

TEST_F(LocalDriverTest, ListsVolumesAndNothingElse) {
  ASSERT_TRUE(driver_.create(mine("b"), limits()));
  ASSERT_TRUE(driver_.create(mine("a"), limits()));
  temp_.dir("volumes/half-made");
  temp_.dir("volumes/.gone-1/data");
  const auto volumes = driver_.list(limits()).value();
  ASSERT_EQ(volumes.size(), 2U);
  EXPECT_EQ(volumes[0].name, "a");
  EXPECT_EQ(volumes[1].mountpoint, temp_.at("volumes/b/data"));
}

TEST_F(LocalDriverTest, RemoveTakesTheDataAndMayBeRepeated) {
  ASSERT_TRUE(driver_.create(mine("web"), limits()));
  temp_.dir("volumes/web/data/deep/er");
  ASSERT_TRUE(driver_.remove(mine("web"), limits()));
  EXPECT_FALSE(temp_.exists("volumes/web"));
  EXPECT_TRUE(driver_.remove(mine("web"), limits()));
  EXPECT_EQ(driver_.stage(mine("web"), limits()).error().reason(), "VOLUME_NOT_FOUND");
}

TEST_F(LocalDriverTest, RemoveFollowsNoLink) {
  temp_.dir("elsewhere");
  temp_.file("elsewhere/precious");
  ASSERT_TRUE(driver_.create(mine("web"), limits()));
  temp_.link(temp_.at("elsewhere"), "volumes/web/data/link");
  ASSERT_TRUE(driver_.remove(mine("web"), limits()));
  EXPECT_TRUE(temp_.exists("elsewhere/precious"));
}

TEST_F(LocalDriverTest, VolumeThatBecameALinkIsRefused) {
  temp_.dir("elsewhere/data");
  temp_.link(temp_.at("elsewhere"), "volumes/web");
  EXPECT_FALSE(driver_.stage(mine("web"), limits()));
  EXPECT_FALSE(driver_.create(mine("web"), limits()));
}

TEST_F(LocalDriverTest, NamesDoNotLeadOut) {
  for (const char* name : {"..", "../x", "a/b", ".gone-1", ""}) {
    EXPECT_EQ(driver_.create(mine(name), limits()).error().reason(), "VOLUME_NAME_INVALID");
    EXPECT_EQ(driver_.remove(mine(name), limits()).error().reason(), "VOLUME_NAME_INVALID");
    EXPECT_EQ(driver_.get(mine(name), limits()).error().reason(), "VOLUME_NAME_INVALID");
  }
}

TEST_F(LocalDriverTest, SweepDeletesWhatRemovalsLeft) {
  ASSERT_TRUE(driver_.create(mine("web"), limits()));
  temp_.dir("volumes/.gone-1/data/x");
  const auto report = driver_.sweep().value();
  EXPECT_EQ(report.deleted, 1U);
  EXPECT_EQ(report.left, 0U);
  EXPECT_FALSE(temp_.exists("volumes/.gone-1"));
  EXPECT_TRUE(driver_.get(mine("web"), limits()));
}

TEST(LocalOptions, AreParsedOrRefused) {
  EXPECT_EQ(parse_local_options({}).value(), LocalOptions());
  EXPECT_EQ(parse_local_options({{"uid", "1000"}, {"gid", "4294967294"}, {"mode", "0700"}}).value(),
            (LocalOptions{.uid = 1000, .gid = 4294967294U, .mode = 0700}));
  for (const VolumeOptions& options : {VolumeOptions{{"uid", ""}},
                                       VolumeOptions{{"uid", "-1"}},
                                       VolumeOptions{{"uid", "root"}},
                                       VolumeOptions{{"uid", "4294967295"}},
                                       VolumeOptions{{"uid", "99999999999"}},
                                       VolumeOptions{{"mode", "10000"}},
                                       VolumeOptions{{"mode", "0788"}},
                                       VolumeOptions{{"mode", "rwx"}}}) {
    EXPECT_EQ(parse_local_options(options).error().reason(), "VOLUME_OPTION_INVALID");
  }
  EXPECT_EQ(parse_local_options({{"type", "nfs"}}).error().reason(), "VOLUME_OPTION_UNKNOWN");
}

}  // namespace
}  // namespace skerry::volumes
