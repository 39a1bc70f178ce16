#include "agent/containers/launch_timing.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

SteadyTime at(std::chrono::microseconds since) { return SteadyTime(1s) + since; }

operations::Outcome outcome() {
  operations::Outcome outcome;
  outcome.committed = at(30us);
  outcome.taken = at(35us);
  outcome.ended = at(600us);
  outcome.timings = {{"launch.cgroup", 100us}, {"launch.shim", 400us}};
  return outcome;
}

std::vector<std::string> lines(const skerry::v1::LaunchTiming& timing) {
  std::vector<std::string> out;
  for (const auto& phase : timing.phases()) {
    out.push_back(phase.name() + " " + std::to_string(phase.took_ns() / 1000));
    for (const auto& part : phase.parts()) {
      out.push_back("  " + part.name() + " " + std::to_string(part.took_ns() / 1000));
    }
  }
  return out;
}

TEST(LaunchTiming, FollowsALaunchFromItsCallToItsOutcome) {
  const std::vector<operations::Timing> parts = {{"launcher", 150us}, {"shim", 200us}};
  const auto timing =
      launch_timing({.received = at(0us), .taken_on = at(10us)}, outcome(), parts, at(610us));
  EXPECT_EQ(lines(timing),
            (std::vector<std::string>{"request 10",
                                      "journal 20",
                                      "queue 5",
                                      "launch.cgroup 100",
                                      "launch.shim 400",
                                      "  launcher 150",
                                      "  shim 200",
                                      "report 10"}));
  EXPECT_EQ(timing.total_ns(), 610'000U);
}

TEST(LaunchTiming, OfAStartHasNoRequest) {
  const auto timing = launch_timing({.taken_on = at(10us)}, outcome(), {}, at(610us));
  EXPECT_EQ(timing.phases(0).name(), "journal");
  EXPECT_EQ(timing.total_ns(), 600'000U);
}

TEST(LaunchTiming, OfAnOperationThatFoundNoWorkerHasNoEndOfOne) {
  const auto timing = launch_timing(
      {.received = at(0us), .taken_on = at(10us)}, operations::Outcome(), {}, at(20us));
  EXPECT_EQ(lines(timing), (std::vector<std::string>{"request 10"}));
}

}  // namespace
}  // namespace skerry::agent
