#include "volumes/lanes.h"

#include <sys/eventfd.h>

#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace skerry::volumes {
namespace {

using std::chrono::milliseconds;

const VolumeKey kData{"rclone", "data"};
const VolumeKey kOther{"rclone", "other"};

CallLimits soon() { return CallLimits::within(milliseconds(0)); }
CallLimits late() { return CallLimits::within(milliseconds(60'000)); }

TEST(Lanes, OneCallerForEachVolume) {
  Lanes lanes;
  std::optional<Lane> first(lanes.enter(kData, soon()).value());
  EXPECT_TRUE(lanes.enter(kOther, soon())) << "another volume does not wait";
  const auto second = lanes.enter(kData, soon());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(second.error().reason(), "VOLUME_BUSY");
  EXPECT_TRUE(second.error().retryable());
  first.reset();
  EXPECT_TRUE(lanes.enter(kData, soon()));
}

TEST(Lanes, RefusesWhenTooManyWait) {
  Lanes lanes(0);
  const auto first = lanes.enter(kData, soon());
  const auto refused = lanes.enter(kData, late());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
  EXPECT_EQ(refused.error().reason(), "VOLUME_BUSY");
}

TEST(Lanes, CancelEndsTheWait) {
  Lanes lanes;
  const auto first = lanes.enter(kData, soon());
  const UniqueFd cancel(::eventfd(1, EFD_CLOEXEC));
  const auto given_up = lanes.enter(kData, CallLimits::within(milliseconds(60'000), cancel.get()));
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code(), Code::kCancelled);
}

TEST(Lanes, OneAtATimeUnderLoad) {
  Lanes lanes(100);
  int inside = 0;
  int most = 0;
  int done = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const auto lane = lanes.enter(kData, late());
        if (!lane) continue;
        most = std::max(most, ++inside);
        ++done;
        --inside;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(done, 8 * 200);
}

TEST(Lanes, WhoGivesUpDoesNotBlockTheNext) {
  Lanes lanes(100);
  int entered = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&lanes, &entered, i] {
      for (int round = 0; round < 200; ++round) {
        // Some give up at once, at whatever moment their turn comes.
        const auto lane = lanes.enter(kData, i % 2 == 0 ? soon() : late());
        if (lane) ++entered;
      }
    });
  }
  threads.clear();
  EXPECT_GE(entered, 4 * 200);
  EXPECT_TRUE(lanes.enter(kData, soon()));
}

}  // namespace
}  // namespace skerry::volumes
