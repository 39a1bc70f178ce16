// The plugin driver against a plugin that does everything wrong: each call ends within its deadline
// with an error that says what happened, and nothing is left mounted.
#include <sys/eventfd.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "os/mount.h"
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

const Volume kData{.name = "data"};

CallLimits limits(int time = 20'000) { return CallLimits::within(milliseconds(time)); }

class PluginFaults : public testing::Test {
 protected:
  void SetUp() override { SKERRY_REQUIRE(::geteuid() == 0, "needs root"); }
  void TearDown() override {
    plugin_.reset();
    // A mount left behind would keep the directory from going away.
    static_cast<void>(::umount2(place().c_str(), MNT_DETACH));
  }

  void run(const std::vector<std::string>& options) {
    plugin_.reset();
    const auto socket = temp_.at("faulty.sock");
    plugin_ = std::make_unique<test::PluginProcess>(
        test::fault_plugin(temp_.at("base"), socket, options), socket);
    plugin_->start();
  }
  void run_with_fault(const std::string& fault) { run({"--fault", fault}); }

  std::string place() const { return temp_.at("base/mnt/data"); }
  bool is_mounted() {
    const auto opened = paths_.open(place(), milliseconds(5000));
    return opened && opened->is_mount_root;
  }
  int calls(const std::string& function) const {
    std::ifstream log(temp_.at("base/calls"));
    int count = 0;
    for (std::string line; std::getline(log, line);) count += line.starts_with(function + " ");
    return count;
  }
  /// The plugin's volume is there, and a file in it.
  void make_volume() {
    run({});
    ASSERT_TRUE(driver_.create(kData, limits()));
    temp_.file("base/data/data/file", "hello");
  }
  std::string read_through(const Published& published) {
    return os::read_file_at(published.detached_mount.get(), "file", 100).value_or("");
  }

  TempDir temp_;
  os::ForeignPaths paths_;
  PluginDriver driver_{"faulty",
                       {.dirs = {.sockets = {temp_.path()}, .specs = {}},
                        .host_id = "test",
                        .patience = milliseconds(300)},
                       paths_};
  std::unique_ptr<test::PluginProcess> plugin_;
};

struct Fault {
  const char* kind;
  Code code;
  const char* reason;
};

class MountFaults : public PluginFaults, public testing::WithParamInterface<Fault> {};

TEST_P(MountFaults, StageSaysWhatHappenedAndUnstageSettlesIt) {
  make_volume();
  run_with_fault(fmt::format("Mount={}", GetParam().kind));
  const bool hangs = std::string_view(GetParam().kind) == "hang";
  const auto staged = driver_.stage(kData, limits(hangs ? 300 : 20'000));
  ASSERT_FALSE(staged);
  const Error& error = staged.error();
  EXPECT_EQ(error.code(), GetParam().code) << error.message();
  EXPECT_EQ(error.reason(), GetParam().reason) << error.message();
  EXPECT_NE(error.message().find("faulty"), std::string::npos) << error.message();
  run({});
  const auto unstaged = driver_.unstage(kData, std::nullopt, limits());
  EXPECT_TRUE(unstaged) << unstaged.error().message();
  EXPECT_FALSE(is_mounted());
}

INSTANTIATE_TEST_SUITE_P(Kinds,
                         MountFaults,
                         testing::Values(Fault{"hang", Code::kDeadlineExceeded, "PLUGIN_TIMEOUT"},
                                         Fault{"die", Code::kUnavailable, "PLUGIN_BROKE_OFF"},
                                         Fault{"close", Code::kUnavailable, "PLUGIN_BROKE_OFF"},
                                         Fault{"cut", Code::kUnavailable, "PLUGIN_BROKE_OFF"},
                                         Fault{"nothttp", Code::kInternal, "PLUGIN_REPLY_INVALID"},
                                         Fault{"headers", Code::kInternal, "PLUGIN_REPLY_INVALID"},
                                         Fault{"garbage", Code::kInternal, "PLUGIN_REPLY_INVALID"},
                                         Fault{"huge", Code::kInternal, "PLUGIN_REPLY_INVALID"},
                                         Fault{"deep", Code::kInternal, "PLUGIN_REPLY_INVALID"},
                                         Fault{"array", Code::kInternal, "PLUGIN_REPLY_INVALID"},
                                         Fault{"500", Code::kUnknown, "PLUGIN_ERROR"},
                                         Fault{"404", Code::kUnimplemented, "PLUGIN_CALL_MISSING"},
                                         Fault{"err200", Code::kUnknown, "PLUGIN_ERROR"},
                                         Fault{"root", Code::kInternal, "MOUNTPOINT_INVALID"},
                                         Fault{"proc", Code::kInternal, "MOUNTPOINT_INVALID"},
                                         Fault{"relative", Code::kInternal, "MOUNTPOINT_INVALID"},
                                         Fault{"dots", Code::kInternal, "MOUNTPOINT_INVALID"},
                                         Fault{"nul", Code::kInternal, "MOUNTPOINT_INVALID"},
                                         Fault{"absent", Code::kNotFound, "MOUNTPOINT_NOT_FOUND"}),
                         [](const auto& kind) {
                           std::string name = kind.param.kind;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(PluginFaults, TheirOwnWordsReachTheUser) {
  make_volume();
  run_with_fault("Mount=err200");
  EXPECT_EQ(driver_.stage(kData, limits()).error().message(),
            "volume \"faulty/data\": the plugin says: no such device: /dev/xvdz");
}

TEST_F(PluginFaults, MissingFieldsAskForThePath) {
  make_volume();
  for (const char* kind : {"missing", "null", "types"}) {
    run_with_fault(fmt::format("Mount={}", kind));
    const auto staged = driver_.stage(kData, limits());
    // Nothing was mounted, so what Path names is not there.
    ASSERT_FALSE(staged) << kind;
    EXPECT_EQ(staged.error().reason(), "MOUNTPOINT_NOT_FOUND") << staged.error().message();
  }
}

TEST_F(PluginFaults, AnswerThatNeverCameCountsAsMounted) {
  make_volume();
  run_with_fault("Mount=die-after");
  ASSERT_FALSE(driver_.stage(kData, limits()));
  ASSERT_TRUE(is_mounted());
  // Restarted, it has forgotten the mount and refuses to unmount: that is not settled.
  run({});
  const auto refused = driver_.unstage(kData, std::nullopt, limits());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "PLUGIN_ERROR");
  // The operator, or the plugin, takes it off.
  ASSERT_EQ(::umount2(place().c_str(), 0), 0);
  EXPECT_TRUE(driver_.unstage(kData, std::nullopt, limits()));
}

TEST_F(PluginFaults, SlowIsNotBroken) {
  make_volume();
  run_with_fault("Mount=slow");
  const auto staged = driver_.stage(kData, limits());
  ASSERT_TRUE(staged) << staged.error().message();
  EXPECT_TRUE(staged->is_mount);
  EXPECT_TRUE(driver_.unstage(kData, *staged, limits()));
  EXPECT_FALSE(is_mounted());
}

TEST_F(PluginFaults, StageTwiceMountsOnce) {
  make_volume();
  const auto first = driver_.stage(kData, limits());
  const auto second = driver_.stage(kData, limits());
  ASSERT_TRUE(first);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(*first, *second);
  EXPECT_TRUE(driver_.unstage(kData, *first, limits()));
  EXPECT_FALSE(is_mounted());
  EXPECT_TRUE(driver_.unstage(kData, *first, limits()));
}

TEST_F(PluginFaults, RestartThatLosesTheMountIsMended) {
  make_volume();
  const auto staged = driver_.stage(kData, limits());
  ASSERT_TRUE(staged);
  run({"--lose-mounts"});
  ASSERT_FALSE(is_mounted());
  const auto published = driver_.publish(kData, *staged, {}, limits());
  ASSERT_TRUE(published) << published.error().message();
  EXPECT_EQ(read_through(*published), "hello");
  EXPECT_EQ(calls("Mount"), 2);
  EXPECT_TRUE(driver_.unstage(kData, published->staged, limits()));
}

TEST_F(PluginFaults, RestartThatOnlyForgetsChangesNothingForUsers) {
  make_volume();
  const auto staged = driver_.stage(kData, limits());
  ASSERT_TRUE(staged);
  run({});
  const auto published = driver_.publish(kData, *staged, {}, limits());
  ASSERT_TRUE(published) << published.error().message();
  EXPECT_EQ(read_through(*published), "hello");
  EXPECT_EQ(calls("Mount"), 1);
}

TEST_F(PluginFaults, MountThatCannotBeMendedIsNotReplacedByADirectory) {
  make_volume();
  const auto staged = driver_.stage(kData, limits());
  ASSERT_TRUE(staged);
  ASSERT_EQ(::umount2(place().c_str(), 0), 0);
  // It lives on, believes the volume mounted, and refuses to mount it again.
  const auto published = driver_.publish(kData, *staged, {}, limits());
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().reason(), "PLUGIN_ERROR") << published.error().message();
}

TEST_F(PluginFaults, PlainDirectoriesWork) {
  make_volume();
  run({"--plain"});
  const auto staged = driver_.stage(kData, limits());
  ASSERT_TRUE(staged) << staged.error().message();
  EXPECT_FALSE(staged->is_mount);
  const auto published = driver_.publish(kData, *staged, {}, limits());
  ASSERT_TRUE(published) << published.error().message();
  EXPECT_EQ(read_through(*published), "hello");
  EXPECT_TRUE(driver_.unstage(kData, *staged, limits()));
}

TEST_F(PluginFaults, AbsentPluginIsWaitedForAndNamed) {
  make_volume();
  plugin_->stop();
  const auto start = std::chrono::steady_clock::now();
  const auto down = driver_.get(kData, limits());
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().reason(), "PLUGIN_UNREACHABLE") << down.error().message();
  EXPECT_TRUE(down.error().retryable());
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(10'000))
      << "patience, not the deadline";
  ASSERT_EQ(::unlink(temp_.at("faulty.sock").c_str()), 0);
  EXPECT_EQ(driver_.get(kData, limits()).error().reason(), "VOLUME_DRIVER_NOT_FOUND");
}

TEST_F(PluginFaults, CallsAreNotSentTwice) {
  make_volume();
  const int before = calls("Remove");
  run_with_fault("Remove=close");
  EXPECT_EQ(driver_.remove(kData, limits()).error().reason(), "PLUGIN_BROKE_OFF");
  EXPECT_EQ(calls("Remove"), before + 1);
}

TEST_F(PluginFaults, CancelEndsAHangingCall) {
  make_volume();
  run_with_fault("List=hang");
  const UniqueFd cancel(::eventfd(0, EFD_CLOEXEC));
  std::jthread canceller([&] {
    std::this_thread::sleep_for(milliseconds(50));
    ASSERT_EQ(::eventfd_write(cancel.get(), 1), 0);
  });
  const auto list = driver_.list(CallLimits::within(milliseconds(20'000), cancel.get()));
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code(), Code::kCancelled);
}

TEST_F(PluginFaults, OneThatHangsHoldsABoundedNumberOfCalls) {
  make_volume();
  run_with_fault("List=hang");
  PluginDriver narrow(
      "faulty", {.dirs = {.sockets = {temp_.path()}, .specs = {}}, .max_calls = 1}, paths_);
  const UniqueFd cancel(::eventfd(0, EFD_CLOEXEC));
  std::jthread holder([&] {
    static_cast<void>(narrow.list(CallLimits::within(milliseconds(20'000), cancel.get())));
  });
  // Whether the holder is in its call yet shows in the plugin's log.
  while (calls("List") == 0) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(narrow.get(kData, limits()).error().reason(), "PLUGIN_BUSY");
  EXPECT_TRUE(driver_.get(kData, limits())) << "others are not held up";
  ASSERT_EQ(::eventfd_write(cancel.get(), 1), 0);
}

TEST_F(PluginFaults, OtherKindsOfPluginAreRefused) {
  run_with_fault("/Plugin.Activate=network");
  const auto refused = driver_.list(limits());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "PLUGIN_NOT_A_VOLUME_DRIVER");
}

TEST_F(PluginFaults, CapabilitiesDefaultToLocal) {
  run_with_fault("Capabilities=404");
  EXPECT_EQ(driver_.capabilities(limits())->scope, Scope::kLocal);
}

TEST_F(PluginFaults, RemoveOfWhatIsGoneSucceedsOnlyWhenTheListSaysSo) {
  run({});
  EXPECT_TRUE(driver_.remove(kData, limits()));
  run_with_fault("List=500");
  EXPECT_EQ(driver_.remove(kData, limits()).error().reason(), "PLUGIN_ERROR");
}

TEST_F(PluginFaults, OlderPluginWithoutGetIsAskedForItsList) {
  make_volume();
  run_with_fault("Get=404");
  EXPECT_TRUE(driver_.get(kData, limits()));
  EXPECT_EQ(driver_.get({.name = "other"}, limits()).error().reason(), "VOLUME_NOT_FOUND");
}

}  // namespace
}  // namespace skerry::volumes
