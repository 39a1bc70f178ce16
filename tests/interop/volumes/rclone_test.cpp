// Debian's `rclone serve docker`: FUSE, strict about ids, and leaves a dead mount when it is
// killed.
#include <sys/mount.h>
#include <unistd.h>

#include <memory>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "os/path.h"
#include "tests/conformance/privileged.h"
#include "tests/interop/volumes/plugin_process.h"
#include "tests/unit/os/temp_dir.h"
#include "volumes/plugin/plugin_driver.h"

namespace skerry::volumes {
namespace {

using os::test::TempDir;
using std::chrono::milliseconds;

const auto* const kOwnMounts = testing::AddGlobalTestEnvironment(new test::OwnMounts);

CallLimits limits() { return CallLimits::within(milliseconds(60'000)); }

class Rclone : public testing::Test {
 protected:
  void SetUp() override {
    SKERRY_REQUIRE(::geteuid() == 0, "needs root");
    SKERRY_REQUIRE(::access("/dev/fuse", R_OK | W_OK) == 0, "needs /dev/fuse");
    SKERRY_REQUIRE(::access("/usr/bin/rclone", X_OK) == 0, "needs rclone");
    for (const char* dir : {"data", "base", "cache"}) temp_.dir(dir);
    temp_.file("data/file", "hello");
    rclone_.start();
  }
  void TearDown() override {
    rclone_.stop();
    static_cast<void>(::umount2(temp_.at("base/data").c_str(), MNT_DETACH));
  }

  std::string read_through(const Published& published) {
    return os::read_file_at(published.detached_mount.get(), "file", 100).value_or("");
  }

  TempDir temp_;
  os::ForeignPaths paths_;
  Volume volume_{.name = "data", .options = {{"remote", temp_.at("data")}}};
  PluginDriver driver_{
      "rclone", {.dirs = {.sockets = {temp_.path()}, .specs = {}}, .host_id = "test"}, paths_};
  test::PluginProcess rclone_{{"/usr/bin/rclone",
                               "serve",
                               "docker",
                               "--socket-addr",
                               temp_.at("rclone.sock"),
                               "--base-dir",
                               temp_.at("base"),
                               "--cache-dir",
                               temp_.at("cache"),
                               "--config",
                               temp_.at("rclone.conf"),
                               "--no-spec",
                               "--log-level",
                               "ERROR"},
                              temp_.at("rclone.sock")};
};

TEST_F(Rclone, WholeLife) {
  EXPECT_TRUE(driver_.capabilities(limits()));
  ASSERT_TRUE(driver_.create(volume_, limits()));
  ASSERT_TRUE(driver_.create(volume_, limits()));
  EXPECT_EQ(driver_.list(limits())->size(), 1U);
  EXPECT_EQ(driver_.get({.name = "other"}, limits()).error().reason(), "VOLUME_NOT_FOUND");

  const auto staged = driver_.stage(volume_, limits());
  ASSERT_TRUE(staged) << staged.error().message();
  EXPECT_TRUE(staged->is_mount);
  EXPECT_EQ(driver_.stage(volume_, limits()).value(), *staged);

  const auto writer = driver_.publish(volume_, *staged, {}, limits());
  const auto reader = driver_.publish(volume_, *staged, {.access = Access::kReadOnly}, limits());
  ASSERT_TRUE(writer) << writer.error().message();
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(read_through(*reader), "hello");
  EXPECT_EQ(::mkdirat(reader->detached_mount.get(), "new", 0755), -1);
  EXPECT_EQ(errno, EROFS);
  EXPECT_EQ(::mkdirat(writer->detached_mount.get(), "new", 0755), 0);
  EXPECT_TRUE(temp_.exists("data/new"));
}

TEST_F(Rclone, UnstageUnmountsAndRemoveForgets) {
  ASSERT_TRUE(driver_.create(volume_, limits()));
  EXPECT_TRUE(driver_.unstage(volume_, std::nullopt, limits())) << "never staged";
  const auto staged = driver_.stage(volume_, limits());
  ASSERT_TRUE(staged) << staged.error().message();
  ASSERT_TRUE(driver_.unstage(volume_, *staged, limits()));
  const auto place = paths_.open(staged->mountpoint, milliseconds(5000));
  EXPECT_TRUE(!place || !place->is_mount_root);
  EXPECT_TRUE(driver_.unstage(volume_, *staged, limits()));
  ASSERT_TRUE(driver_.remove(volume_, limits()));
  EXPECT_TRUE(driver_.remove(volume_, limits()));
  EXPECT_TRUE(driver_.list(limits())->empty());
  EXPECT_TRUE(temp_.exists("data/file"));
}

TEST_F(Rclone, KilledServerIsSeenAndMended) {
  ASSERT_TRUE(driver_.create(volume_, limits()));
  const auto staged = driver_.stage(volume_, limits());
  ASSERT_TRUE(staged) << staged.error().message();
  rclone_.stop();
  const auto dead = driver_.publish(volume_, *staged, {}, limits());
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().reason(), "VOLUME_DISCONNECTED") << dead.error().message();
  EXPECT_TRUE(dead.error().retryable());

  // Restarted, it cannot restore the volume: its own dead mount is in the way.
  rclone_.start();
  const auto unstaged = driver_.unstage(volume_, *staged, limits());
  ASSERT_TRUE(unstaged) << unstaged.error().message();
  ASSERT_TRUE(driver_.create(volume_, limits()));
  const auto again = driver_.stage(volume_, limits());
  ASSERT_TRUE(again) << again.error().message();
  const auto published = driver_.publish(volume_, *again, {}, limits());
  ASSERT_TRUE(published) << published.error().message();
  EXPECT_EQ(read_through(*published), "hello");
  EXPECT_TRUE(driver_.unstage(volume_, *again, limits()));
}

}  // namespace
}  // namespace skerry::volumes
