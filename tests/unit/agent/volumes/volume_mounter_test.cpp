// One mount for each volume, journaled before the driver is called, and given back whatever
// happens.
#include "agent/volumes/volume_mounter.h"

#include <gtest/gtest.h>

#include "volumes_fixture.h"

namespace skerry::agent {
namespace {

using isolators::VolumeMount;
using tests::refusal;
using tests::timeout;
using tests::VolumesLife;
using volumes::VolumeKey;
using Calls = std::vector<std::string>;

const VolumeKey kKey{.driver = "fake", .name = "data"};
const VolumeId kData{"default", "data"};

class Mounter : public testing::Test {
 protected:
  static VolumeMount mount(const std::string& name, bool read_only = false) {
    return {.name = name,
            .driver = "fake",
            .options = {},
            .target = "/" + name,
            .read_only = read_only};
  }
  static Result<isolators::AcquiredVolumes> acquire(VolumesLife& life,
                                                    const Uid& uid,
                                                    const std::vector<VolumeMount>& mounts) {
    isolators::VolumeRequest request{.uid = uid, .tenant = "default", .mounts = {}, .stop = {}};
    for (const VolumeMount& each : mounts) request.mounts.push_back(&each);
    return life.mounter.acquire(request);
  }
  void expect_nothing_left(VolumesLife& life) {
    EXPECT_TRUE(life.book->all_references().empty());
    EXPECT_TRUE(life.owed().empty());
    EXPECT_TRUE(life.mounter.in_flight().empty());
  }

  tests::TempDir dir;
  const Uid one = Uid::make();
  const Uid two = Uid::make();
};

TEST_F(Mounter, MountsOnceForAllAndUnmountsAfterTheLast) {
  VolumesLife life(dir);
  const auto first = acquire(life, one, {mount("data")});
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(life.driver->calls(), (Calls{"create data", "stage data", "publish data"}));
  EXPECT_EQ(first->holding.volumes, (std::vector<isolators::HeldVolume>{{"fake", "data"}}));
  const auto second = acquire(life, two, {mount("data", true)});
  ASSERT_TRUE(second);
  EXPECT_EQ(life.driver->calls(), (Calls{"publish data ro"}));

  ASSERT_TRUE(life.mounter.release(one, &first->holding));
  EXPECT_EQ(life.driver->calls(), Calls());
  ASSERT_TRUE(life.mounter.release(two, &second->holding));
  ASSERT_TRUE(life.mounter.release(two, &second->holding)) << "twice is fine";
  EXPECT_EQ(life.driver->calls(), (Calls{"unstage data /mnt/data"}));
  expect_nothing_left(life);
  EXPECT_TRUE(life.book->find(kData)->exists) << "the volume itself stays";
}

TEST_F(Mounter, OneVolumeAtTwoPlacesIsOneUse) {
  VolumesLife life(dir);
  const auto held = acquire(life, one, {mount("data"), mount("data", true)});
  ASSERT_TRUE(held);
  ASSERT_EQ(held->mounts.size(), 2U);
  EXPECT_EQ(held->holding.volumes.size(), 1U);
  EXPECT_EQ(life.driver->calls(),
            (Calls{"create data", "stage data", "publish data", "publish data ro"}));
  ASSERT_TRUE(life.mounter.release(one, &held->holding));
  expect_nothing_left(life);
}

TEST_F(Mounter, JournalsBeforeTheDriverIsCalled) {
  {
    VolumesLife life(dir);
    life.driver->on_call([&](const std::string& call) {
      const auto references = life.book->references(kKey);
      ASSERT_TRUE(references) << call;
      EXPECT_EQ(references->consumers.contains(one.str()), !call.starts_with("unstage"));
      EXPECT_EQ(references->certain, call.starts_with("publish"));
    });
    const auto held = acquire(life, one, {mount("data")});
    ASSERT_TRUE(held);
  }
  const VolumesLife next(dir);
  EXPECT_TRUE(next.book->references(kKey)->consumers.contains(one.str()));
  EXPECT_EQ(next.book->references(kKey)->staged->mountpoint, "/mnt/data");
}

TEST_F(Mounter, ARefusedVolumeLeavesNothing) {
  VolumesLife life(dir);
  life.driver->refuse("create", refusal("bad option"));
  const auto refused = acquire(life, one, {mount("data")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "DRIVER_FAILED");
  EXPECT_EQ(refused.error().object(), "volume data");
  EXPECT_EQ(life.driver->calls(), (Calls{"create data"}))
      << "what was never staged is not unstaged";
  expect_nothing_left(life);
  EXPECT_FALSE(life.book->find(kData));
}

TEST_F(Mounter, ARefusedMountIsMadeCertainAtOnce) {
  VolumesLife life(dir);
  life.driver->refuse("stage", refusal());
  ASSERT_FALSE(acquire(life, one, {mount("data")}));
  EXPECT_EQ(life.driver->calls(), (Calls{"create data", "stage data", "unstage data"}));
  expect_nothing_left(life);
  EXPECT_TRUE(life.book->find(kData)->exists);
  EXPECT_EQ(life.book->entry(kData)->problem, "") << "the driver worked since";
}

TEST_F(Mounter, AMountThatDoesNotAnswerIsOwedAndNotWaitedForTwice) {
  VolumesLife life(dir);
  life.driver->refuse("stage", timeout());
  const auto late = acquire(life, one, {mount("data")});
  EXPECT_EQ(late.error().reason(), "DRIVER_TIMEOUT");
  EXPECT_EQ(life.driver->calls(), (Calls{"create data", "stage data"}));
  const auto owed = life.owed();
  ASSERT_EQ(owed.size(), 1U);
  EXPECT_EQ(owed[0].kind, kDebtVolume);
  EXPECT_EQ(owed[0].key, "fake/data");
  EXPECT_EQ(owed[0].object, one.str());
  ASSERT_TRUE(life.mounter.pay(kKey));
  EXPECT_EQ(life.driver->calls(), (Calls{"unstage data"}));
  EXPECT_TRUE(life.book->all_references().empty());
}

TEST_F(Mounter, WhatIsOwedGoesToTheNextUser) {
  VolumesLife life(dir);
  life.driver->refuse("unstage", timeout());
  const auto first = acquire(life, one, {mount("data")});
  ASSERT_TRUE(life.mounter.release(one, &first->holding)) << "a debt is no failure";
  EXPECT_EQ(life.owed().size(), 1U);
  life.driver->refuse_nothing();
  life.driver->calls();
  const auto second = acquire(life, two, {mount("data")});
  ASSERT_TRUE(second);
  EXPECT_EQ(life.driver->calls(), (Calls{"create data", "stage data", "publish data"}));
  ASSERT_TRUE(life.mounter.pay(kKey));
  EXPECT_EQ(life.driver->calls(), Calls()) << "it is in use: nothing is owed";
  ASSERT_TRUE(life.mounter.release(two, &second->holding));
  EXPECT_TRUE(life.owed().empty()) << "its own end has paid what was owed before";
}

TEST_F(Mounter, OneThatFailsTakesBackThoseBeforeIt) {
  VolumesLife life(dir);
  life.driver->refuse("stage logs", refusal());
  ASSERT_FALSE(acquire(life, one, {mount("data"), mount("logs")}));
  const Calls calls = life.driver->calls();
  EXPECT_EQ(calls.back(), "unstage data /mnt/data");
  expect_nothing_left(life);
}

TEST_F(Mounter, AnEarlierAttemptsDebtDoesNotTouchALaterOne) {
  VolumesLife life(dir);
  const auto first = acquire(life, one, {mount("data")});
  const auto second = acquire(life, one, {mount("data")});
  ASSERT_TRUE(second);
  life.driver->calls();
  ASSERT_TRUE(life.mounter.release(one, &first->holding));
  ASSERT_TRUE(life.mounter.release(one, nullptr)) << "of an attempt without a checkpoint";
  EXPECT_EQ(life.driver->calls(), Calls());
  EXPECT_TRUE(life.book->references(kKey));
  ASSERT_TRUE(life.mounter.release(one, &second->holding));
  expect_nothing_left(life);
}

TEST_F(Mounter, ADeadFileSystemIsMountedAnew) {
  VolumesLife life(dir);
  const auto first = acquire(life, one, {mount("data")});
  ASSERT_TRUE(first);
  life.driver->calls();
  life.driver->refuse("publish",
                      Error(Code::kUnavailable, "transport endpoint is not connected")
                          .with_reason("VOLUME_DISCONNECTED"));
  life.driver->on_call([&](const std::string& call) {
    if (call.starts_with("unstage")) life.driver->refuse_nothing();
  });
  const auto second = acquire(life, two, {mount("data")});
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(
      life.driver->calls(),
      (Calls{
          "publish data", "unstage data /mnt/data", "create data", "stage data", "publish data"}));
  EXPECT_EQ(life.book->references(kKey)->consumers.size(), 2U);
}

TEST_F(Mounter, AKillInAnyCallIsMendedByTheNextLife) {
  for (const std::string& last :
       {std::string("create"), std::string("stage"), std::string("publish")}) {
    const tests::TempDir fresh;
    {
      VolumesLife life(fresh);
      // Nothing is recorded from this call on, as if the process were gone.
      life.driver->on_call([&](const std::string& call) {
        if (call.starts_with(last)) life.door->close();
      });
      static_cast<void>(acquire(life, one, {mount("data")}));
    }
    VolumesLife next(fresh);
    ASSERT_TRUE(next.book->references(kKey)) << last;
    // The container was not launched, so its record has no checkpoint.
    ASSERT_TRUE(next.mounter.release(one, nullptr));
    const bool is_known = last == "publish";
    EXPECT_EQ(next.driver->calls(), Calls{is_known ? "unstage data /mnt/data" : "unstage data"});
    expect_nothing_left(next);
  }
}

TEST_F(Mounter, ChecksWhatItCanWithoutADriver) {
  VolumesLife life(dir);
  EXPECT_TRUE(life.mounter.check("default", mount("data")));
  EXPECT_EQ(life.mounter.check("default", mount("-x")).error().reason(), "NAME_INVALID");
  VolumeMount nobody = mount("data");
  nobody.driver = "no-such-plugin";
  EXPECT_EQ(life.mounter.check("default", nobody).error().reason(), "DRIVER_NOT_FOUND");
  nobody.driver = "a/b";
  EXPECT_EQ(life.mounter.check("default", nobody).error().reason(), "NAME_INVALID");
  VolumeMount options = mount("data");
  options.options["x"] = std::string("a\0b", 3);
  EXPECT_EQ(life.mounter.check("default", options).error().reason(), "VOLUME_OPTION_INVALID");
  ASSERT_TRUE(acquire(life, one, {mount("data")}));
  VolumeMount other = mount("data");
  other.driver = "local";
  EXPECT_EQ(life.mounter.check("default", other).error().reason(), "VOLUME_DIFFERS");
  EXPECT_TRUE(life.mounter.check("blue", mount("data")));
  EXPECT_EQ(life.driver->calls().size(), 3U) << "a check calls no driver";
}

TEST_F(Mounter, KnowsWhoseCodeAMountRuns) {
  VolumesLife life(dir);
  EXPECT_EQ(life.mounter.foreign_driver("default", mount("data")), "fake");
  VolumeMount plain = mount("data");
  plain.driver.clear();
  EXPECT_FALSE(life.mounter.foreign_driver("default", plain)) << "a new one is local";
  ASSERT_TRUE(acquire(life, one, {mount("data")}));
  EXPECT_EQ(life.mounter.foreign_driver("default", plain), "fake");
  EXPECT_FALSE(life.mounter.foreign_driver("blue", plain));
  EXPECT_TRUE(life.mounter.is_foreign("host"));
  EXPECT_FALSE(life.mounter.is_foreign("local"));
}

TEST_F(Mounter, AStopEndsTheWaitingForALane) {
  VolumesLife life(dir);
  std::stop_source stop;
  auto lane = life.lanes.enter(kKey, volumes::CallLimits::within(std::chrono::seconds(20)));
  ASSERT_TRUE(lane);
  const VolumeMount wanted = mount("data");
  std::thread stopper([&] { stop.request_stop(); });
  const auto stopped = life.mounter.acquire(
      {.uid = one, .tenant = "default", .mounts = {&wanted}, .stop = stop.get_token()});
  stopper.join();
  EXPECT_EQ(stopped.error().code(), Code::kCancelled);
  expect_nothing_left(life);
}

}  // namespace
}  // namespace skerry::agent
