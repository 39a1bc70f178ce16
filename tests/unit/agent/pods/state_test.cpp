#include "agent/pods/state.h"

#include <map>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "skerry/v1/pod.pb.h"

namespace skerry::agent {
namespace {

constexpr int kStates = 5;
constexpr int kTransitions = 5;

using Key = std::pair<PodState, PodTransition>;

// The whole truth, written a second time and in another order: per transition.
std::map<Key, PodState> expected() {
  std::map<Key, PodState> table;
  const auto add = [&table](PodTransition by, const std::set<PodState>& from, PodState to) {
    for (const PodState state : from) table[{state, by}] = to;
  };
  add(PodTransition::kPrepare, {PodState::kAccepted}, PodState::kPreparing);
  add(PodTransition::kReady, {PodState::kPreparing}, PodState::kReady);
  add(PodTransition::kFail, {PodState::kPreparing}, PodState::kStopped);
  add(PodTransition::kStop,
      {PodState::kAccepted, PodState::kPreparing, PodState::kReady},
      PodState::kStopping);
  add(PodTransition::kEnd, {PodState::kStopping}, PodState::kStopped);
  return table;
}

TEST(PodStates, EveryStateMeetsEveryEvent) {
  const auto table = expected();
  for (int state = 1; state <= kStates; ++state) {
    for (int transition = 0; transition < kTransitions; ++transition) {
      const auto from = static_cast<PodState>(state);
      const auto by = static_cast<PodTransition>(transition);
      SCOPED_TRACE(std::string(state_name(from)) + " " + std::string(transition_name(by)));
      const auto wanted = table.find({from, by});
      const auto next = next_state(from, by);
      ASSERT_EQ(next.has_value(), wanted != table.end());
      if (next) {
        EXPECT_EQ(*next, wanted->second);
        continue;
      }
      EXPECT_EQ(next.error().code(), Code::kFailedPrecondition);
      EXPECT_EQ(next.error().reason(), "POD_STATE");
      EXPECT_NE(next.error().message().find(state_name(from)), std::string::npos);
      EXPECT_NE(next.error().message().find(transition_name(by)), std::string::npos);
    }
  }
}

TEST(PodStates, AStoppedOneStays) {
  for (int transition = 0; transition < kTransitions; ++transition) {
    EXPECT_FALSE(next_state(PodState::kStopped, static_cast<PodTransition>(transition)));
  }
}

TEST(PodStates, HaveTheNumbersOfTheApi) {
  EXPECT_EQ(static_cast<int>(PodState::kAccepted), v1::POD_STATE_ACCEPTED);
  EXPECT_EQ(static_cast<int>(PodState::kPreparing), v1::POD_STATE_PREPARING);
  EXPECT_EQ(static_cast<int>(PodState::kReady), v1::POD_STATE_READY);
  EXPECT_EQ(static_cast<int>(PodState::kStopping), v1::POD_STATE_STOPPING);
  EXPECT_EQ(static_cast<int>(PodState::kStopped), v1::POD_STATE_STOPPED);
}

}  // namespace
}  // namespace skerry::agent
