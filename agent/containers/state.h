// The life of a container as one table: which state follows which, on which event.
//
//   accepted → preparing → created → starting → running ⇄ paused
//                  └────────┴──────────┴──────────┴──────────┴────► stopping ► exited
//
// Everything can end in exited. A container that is started again begins at accepted.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace skerry::agent {

/// Numbers are stored: they never change.
enum class State : std::uint8_t {
  kAccepted = 1,   ///< recorded, nothing made yet
  kPreparing = 2,  ///< an operation makes its resources
  kCreated = 3,    ///< resources held, the process waits at its barrier
  kStarting = 4,   ///< let go, exec not seen yet
  kRunning = 5,
  kPaused = 6,
  kStopping = 7,  ///< told to stop, or being killed
  kExited = 8,    ///< the status is recorded and the cgroup is empty
};

enum class Transition : std::uint8_t {
  kPrepare,  ///< the launch operation begins
  kCreate,   ///< the process is at its barrier
  kStart,    ///< the barrier is opened
  kRun,      ///< exec has happened
  kPause,
  kResume,
  kStop,
  kExit,     ///< the process has ended, or never came to be
  kRestart,  ///< start of an exited container: a new attempt
};

std::string_view state_name(State state);
std::string_view transition_name(Transition transition);

/// The state after `transition`. Errors: FAILED_PRECONDITION, reason STATE, naming both.
/// Blocks: never. Thread: any.
Result<State> next_state(State from, Transition transition);

/// Whether a process of the container may exist in this state.
bool is_live(State state);

}  // namespace skerry::agent
