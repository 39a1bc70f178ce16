// The life of a pod as one table: which state follows which, on which event.
//
//   accepted → preparing → ready → stopping → stopped
//       │          ├──────────────────┘         ▲
//       └──────────┴────── (its creation failed) ┘
//
// A stopped pod never becomes ready again.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace skerry::agent {

/// Numbers are stored, and those of the API: they never change.
enum class PodState : std::uint8_t {
  kAccepted = 1,   ///< recorded, nothing made yet
  kPreparing = 2,  ///< an operation makes its namespaces, networks and cgroup
  kReady = 3,      ///< containers can join
  kStopping = 4,   ///< its containers are stopped, then what it holds is given back
  kStopped = 5,    ///< nothing of it runs
};

enum class PodTransition : std::uint8_t {
  kPrepare,  ///< the creation begins
  kReady,    ///< all of it is there
  kStop,     ///< asked to stop, or what it needs is gone
  kFail,     ///< the creation has failed, and undone itself
  kEnd,      ///< nothing runs any more
};

std::string_view state_name(PodState state);
std::string_view transition_name(PodTransition transition);

/// The state after `transition`. Errors: FAILED_PRECONDITION, reason POD_STATE, naming both.
/// Blocks: never. Thread: any.
Result<PodState> next_state(PodState from, PodTransition transition);

}  // namespace skerry::agent
