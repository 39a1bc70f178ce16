// Volumes become mounts at their places in the spec; what they are, the provider knows.
#include "isolators/volumes/volumes.h"

#include <fcntl.h>

#include <gtest/gtest.h>

#include "tests/unit/isolators/fixtures.h"

namespace skerry::isolators {
namespace {

/// Gives what there is, refuses what it is told to, and remembers what was given back.
class FakeProvider final : public VolumeProvider {
 public:
  Result<> check(const std::string& tenant, const VolumeMount& mount) const override {
    if (mount.name != "bad") return {};
    return Error(Code::kInvalidArgument, "tenant " + tenant).with_reason("NAME_INVALID");
  }
  std::optional<std::string> foreign_driver(const std::string&,
                                            const VolumeMount& mount) const override {
    if (!is_foreign(mount.driver)) return std::nullopt;
    return mount.driver;
  }
  bool is_foreign(const std::string& driver) const override { return driver == "rclone"; }
  Result<AcquiredVolumes> acquire(const VolumeRequest& request) override {
    if (fails) return Error(Code::kUnavailable, "no").with_reason("DRIVER_FAILED");
    AcquiredVolumes out{.mounts = {}, .holding = {.attempt = "a1", .volumes = {}}};
    for (const VolumeMount* mount : request.mounts) {
      out.mounts.push_back({.mount = UniqueFd(::open("/", O_PATH | O_CLOEXEC)),
                            .is_directory = mount->name != "file"});
      out.holding.volumes.push_back({.driver = "rclone", .name = mount->name});
    }
    return out;
  }
  bool holds(const Uid&) const override { return has_leftovers; }
  Result<> release(const Uid&, const VolumeHolding* holding) override {
    released.push_back(holding != nullptr ? holding->attempt : "of nobody");
    return {};
  }

  bool fails = false;
  bool has_leftovers = false;
  std::vector<std::string> released;
};

VolumeMount volume(const std::string& name, const std::string& driver = "rclone") {
  return {.name = name, .driver = driver, .options = {}, .target = "/" + name, .read_only = false};
}

struct Volumes : testing::Test {
  FakeProvider provider;
  std::unique_ptr<Isolator> isolator = make_volumes_isolator(provider);
  ContainerConfig config = test::sample_config();
  test::Prepared prepared;

  void SetUp() override {
    prepared.builder.set_root(
        prepared.builder.add_fd(UniqueFd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC))));
  }
};

TEST_F(Volumes, BecomeMountsAndAreGivenBackByTheirCheckpoint) {
  config.mounts = {volume("data"), volume("file")};
  const auto checkpoint = prepared.run(*isolator, config);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message();
  EXPECT_EQ(prepared.operations().size(), 2U);
  EXPECT_EQ(isolator->foreign_code(*checkpoint), std::vector<std::string>{"volume/rclone"});
  ASSERT_TRUE(isolator->cleanup(config.uid, *checkpoint));
  EXPECT_EQ(provider.released, std::vector<std::string>{"a1"});
}

TEST_F(Volumes, OfAContainerWithoutNoneTheProviderHearsNothing) {
  const auto checkpoint = prepared.run(*isolator, config);
  ASSERT_TRUE(checkpoint);
  EXPECT_TRUE(isolator->foreign_code(config).empty());
  EXPECT_TRUE(isolator->foreign_code(*checkpoint).empty());
  ASSERT_TRUE(isolator->cleanup(config.uid, *checkpoint));
  EXPECT_TRUE(provider.released.empty());
}

TEST_F(Volumes, OfALaunchThatWasKilledAreLookedForByUid) {
  ASSERT_TRUE(isolator->cleanup(config.uid, {.isolator = "volumes", .version = 0, .bytes = {}}));
  EXPECT_EQ(provider.released, std::vector<std::string>{"of nobody"});
}

TEST_F(Volumes, RunTheirDriversCodeInItsLane) {
  config.mounts = {volume("a"), volume("b"), volume("c", "local"), TmpfsMount{.target = "/t"}};
  EXPECT_EQ(isolator->foreign_code(config), std::vector<std::string>{"volume/rclone"});
}

TEST_F(Volumes, AreCheckedByNameOfTheirTarget) {
  config.tenant = "blue";
  config.mounts = {volume("bad")};
  const auto checked = isolator->validate(config, test::sample_host());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message(), "mount \"/bad\": tenant blue");
}

TEST_F(Volumes, WhatCouldNotBeGivenBackIsLeftToTheCaller) {
  config.mounts = {volume("data")};
  provider.fails = true;
  std::optional<Checkpoint> left;
  const os::HostFacts host = test::sample_host();
  const auto prepare = [&] {
    return isolator->prepare({.config = config,
                              .host = host,
                              .cgroup = prepared.cgroup,
                              .plan = prepared.builder,
                              .left_behind = &left});
  };
  EXPECT_EQ(prepare().error().reason(), "DRIVER_FAILED");
  EXPECT_FALSE(left);
  provider.has_leftovers = true;
  EXPECT_FALSE(prepare());
  ASSERT_TRUE(left);
  ASSERT_TRUE(isolator->cleanup(config.uid, *left));
  EXPECT_EQ(provider.released, std::vector<std::string>{"of nobody"});
}

TEST(VolumeHolding, ComesBackFromItsBytes) {
  const VolumeHolding holding{.attempt = "a1", .volumes = {{"local", "a"}, {"rclone", "b"}}};
  EXPECT_EQ(decode_volume_holding(encode_volume_holding(holding)).value(), holding);
  for (const char* bytes : {"", "{}", "[]", R"({"attempt":"a","volumes":[{"driver":"x"}]})"}) {
    EXPECT_EQ(decode_volume_holding(bytes).error().reason(), "CHECKPOINT_DAMAGED") << bytes;
  }
}

}  // namespace
}  // namespace skerry::isolators
