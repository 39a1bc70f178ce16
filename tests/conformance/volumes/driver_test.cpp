// What VolumeDriver's contract says, asked of every driver: a fresh volume "data", empty at first.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include <gtest/gtest.h>

#include "os/path.h"
#include "tests/conformance/privileged.h"
#include "tests/interop/volumes/plugin_process.h"
#include "tests/unit/os/temp_dir.h"
#include "volumes/host/host_driver.h"
#include "volumes/local/local_driver.h"
#include "volumes/plugin/plugin_driver.h"

namespace skerry::volumes {
namespace {

using os::test::TempDir;
using std::chrono::milliseconds;

const auto* const kOwnMounts = testing::AddGlobalTestEnvironment(new test::OwnMounts);

CallLimits limits() { return CallLimits::within(milliseconds(30'000)); }

/// A driver with all it needs.
struct Subject {
  TempDir temp;
  os::ForeignPaths paths;
  std::unique_ptr<test::PluginProcess> plugin;
  std::unique_ptr<VolumeDriver> driver;
  Volume volume{.name = "data"};
};

void make_local(Subject& subject) {
  subject.driver = std::make_unique<LocalDriver>(
      LocalDriver::open(subject.temp.fd(), subject.temp.path()).value());
}

void make_host(Subject& subject) {
  subject.temp.dir("allowed/data");
  subject.volume.options = {{"path", subject.temp.at("allowed/data")}};
  subject.driver = std::make_unique<HostDriver>(
      HostPaths::make(subject.paths,
                      {.allowed_prefixes = {subject.temp.at("allowed")}, .config_key = "key"})
          .value());
}

void make_plugin(Subject& subject) {
  const auto socket = subject.temp.at("faulty.sock");
  subject.plugin = std::make_unique<test::PluginProcess>(
      test::fault_plugin(subject.temp.at("base"), socket, {}), socket);
  subject.plugin->start();
  subject.driver = std::make_unique<PluginDriver>(
      "faulty",
      PluginSettings{.dirs = {.sockets = {subject.temp.path()}, .specs = {}}, .host_id = "test"},
      subject.paths);
}

struct Kind {
  const char* name;
  void (*make)(Subject&);
};

class VolumeDriverContract : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    SKERRY_REQUIRE(::geteuid() == 0, "needs root");
    GetParam().make(subject_);
    ASSERT_NE(subject_.driver, nullptr);
  }
  VolumeDriver& driver() { return *subject_.driver; }
  const Volume& volume() const { return subject_.volume; }
  Published publish(const Staged& staged, Access access = Access::kReadWrite) {
    auto published = driver().publish(volume(), staged, {.access = access}, limits());
    EXPECT_TRUE(published) << published.error().message();
    return std::move(published).value();
  }

  Subject subject_;
};

TEST_P(VolumeDriverContract, EveryStepMayBeRepeated) {
  for (int round = 0; round < 2; ++round) ASSERT_TRUE(driver().create(volume(), limits()));
  Staged staged;
  for (int round = 0; round < 2; ++round) {
    auto result = driver().stage(volume(), limits());
    ASSERT_TRUE(result) << result.error().message();
    staged = *result;
  }
  EXPECT_TRUE(staged.mountpoint.starts_with('/'));
  EXPECT_EQ(publish(staged).staged, staged);
  for (int round = 0; round < 2; ++round) {
    const auto unstaged = driver().unstage(volume(), staged, limits());
    EXPECT_TRUE(unstaged) << unstaged.error().message();
  }
  for (int round = 0; round < 2; ++round) EXPECT_TRUE(driver().remove(volume(), limits()));
}

TEST_P(VolumeDriverContract, DataOutlivesStaging) {
  ASSERT_TRUE(driver().create(volume(), limits()));
  for (int round = 0; round < 2; ++round) {
    const auto staged = driver().stage(volume(), limits());
    ASSERT_TRUE(staged) << staged.error().message();
    {
      const Published published = publish(*staged);
      const bool is_there = ::faccessat(published.detached_mount.get(), "file", F_OK, 0) == 0;
      EXPECT_EQ(is_there, round == 1);
      const UniqueFd file(
          ::openat(published.detached_mount.get(), "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
      EXPECT_TRUE(static_cast<bool>(file)) << errno;
    }
    ASSERT_TRUE(driver().unstage(volume(), *staged, limits()));
  }
}

TEST_P(VolumeDriverContract, ConsumersShareTheDataAndReadOnlyHolds) {
  ASSERT_TRUE(driver().create(volume(), limits()));
  const auto staged = driver().stage(volume(), limits());
  ASSERT_TRUE(staged) << staged.error().message();
  const Published writer = publish(*staged);
  const Published reader = publish(*staged, Access::kReadOnly);
  EXPECT_TRUE(writer.is_directory);
  ASSERT_EQ(::mkdirat(writer.detached_mount.get(), "dir", 0755), 0);
  EXPECT_EQ(::faccessat(reader.detached_mount.get(), "dir", F_OK, 0), 0);
  EXPECT_EQ(::mkdirat(reader.detached_mount.get(), "other", 0755), -1);
  EXPECT_EQ(errno, EROFS);
  EXPECT_TRUE(driver().unstage(volume(), *staged, limits()));
}

TEST_P(VolumeDriverContract, DescriptorsAreCloseOnExec) {
  ASSERT_TRUE(driver().create(volume(), limits()));
  const auto staged = driver().stage(volume(), limits());
  ASSERT_TRUE(staged) << staged.error().message();
  const Published published = publish(*staged);
  EXPECT_EQ(::fcntl(published.detached_mount.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_TRUE(driver().unstage(volume(), *staged, limits()));
}

TEST_P(VolumeDriverContract, UndoOfWhatNeverWasSucceeds) {
  EXPECT_TRUE(driver().unstage(volume(), std::nullopt, limits()));
  EXPECT_TRUE(driver().remove(volume(), limits()));
}

TEST_P(VolumeDriverContract, CatalogKnowsWhatItKeeps) {
  const bool keeps = driver().capabilities(limits())->keeps_catalog;
  EXPECT_TRUE(driver().list(limits())->empty());
  ASSERT_TRUE(driver().create(volume(), limits()));
  EXPECT_EQ(driver().list(limits())->size(), keeps ? 1U : 0U);
  const auto info = driver().get(volume(), limits());
  ASSERT_TRUE(info) << info.error().message();
  EXPECT_EQ(info->name, "data");
}

TEST_P(VolumeDriverContract, UnknownVolumeIsNotFound) {
  Volume unknown = volume();
  unknown.name = "unknown";
  if (auto path = unknown.options.find("path"); path != unknown.options.end())
    path->second += "-unknown";
  for (const Error& error :
       {driver().get(unknown, limits()).error(), driver().stage(unknown, limits()).error()}) {
    EXPECT_EQ(error.code(), Code::kNotFound) << error.message();
    EXPECT_EQ(error.reason(), "VOLUME_NOT_FOUND");
    EXPECT_NE(error.message().find("unknown"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Drivers,
                         VolumeDriverContract,
                         testing::Values(Kind{"local", make_local},
                                         Kind{"host", make_host},
                                         Kind{"plugin", make_plugin}),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace skerry::volumes
