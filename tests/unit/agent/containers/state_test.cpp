#include "agent/containers/state.h"

#include <map>
#include <set>
#include <utility>

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

constexpr int kStates = 8;
constexpr int kTransitions = 9;

using Key = std::pair<State, Transition>;

// The whole truth, written a second time and in another order: per transition.
const std::map<Key, State>& expected() {
  static const std::map<Key, State> kExpected = [] {
    std::map<Key, State> table;
    const auto add = [&table](Transition transition, const std::set<State>& from, State to) {
      for (const State state : from) table[{state, transition}] = to;
    };
    add(Transition::kPrepare, {State::kAccepted}, State::kPreparing);
    add(Transition::kCreate, {State::kPreparing}, State::kCreated);
    add(Transition::kStart, {State::kCreated}, State::kStarting);
    add(Transition::kRun, {State::kPreparing, State::kStarting}, State::kRunning);
    add(Transition::kPause, {State::kRunning}, State::kPaused);
    add(Transition::kResume, {State::kPaused}, State::kRunning);
    add(Transition::kStop,
        {State::kPreparing,
         State::kCreated,
         State::kStarting,
         State::kRunning,
         State::kPaused,
         State::kStopping},
        State::kStopping);
    add(Transition::kExit,
        {State::kAccepted,
         State::kPreparing,
         State::kCreated,
         State::kStarting,
         State::kRunning,
         State::kPaused,
         State::kStopping},
        State::kExited);
    add(Transition::kRestart, {State::kExited}, State::kAccepted);
    return table;
  }();
  return kExpected;
}

TEST(StateTable, EveryStateAndTransition) {
  for (int from = 1; from <= kStates; ++from) {
    for (int by = 0; by < kTransitions; ++by) {
      const Key key{static_cast<State>(from), static_cast<Transition>(by)};
      const auto next = next_state(key.first, key.second);
      const auto wanted = expected().find(key);
      ASSERT_EQ(next.has_value(), wanted != expected().end())
          << transition_name(key.second) << " from " << state_name(key.first);
      if (next) {
        EXPECT_EQ(*next, wanted->second);
      }
    }
  }
}

TEST(StateTable, RefusalNamesBoth) {
  const auto next = next_state(State::kExited, Transition::kPause);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(next.error().reason(), "STATE");
  EXPECT_EQ(next.error().message(), "cannot pause a container that is exited");
}

TEST(StateTable, OnlyTheLivingHaveProcesses) {
  EXPECT_FALSE(is_live(State::kAccepted));
  EXPECT_TRUE(is_live(State::kPreparing));
  EXPECT_TRUE(is_live(State::kStopping));
  EXPECT_FALSE(is_live(State::kExited));
}

}  // namespace
}  // namespace skerry::agent
