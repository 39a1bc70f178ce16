#include "agent/containers/state.h"

#include <array>
#include <string>

namespace skerry::agent {
namespace {

struct Row {
  State from;
  Transition transition;
  State to;
};

constexpr std::array kTable = {
    Row{State::kAccepted, Transition::kPrepare, State::kPreparing},
    Row{State::kPreparing, Transition::kCreate, State::kCreated},
    Row{State::kPreparing, Transition::kRun, State::kRunning},
    Row{State::kCreated, Transition::kStart, State::kStarting},
    Row{State::kStarting, Transition::kRun, State::kRunning},
    Row{State::kRunning, Transition::kPause, State::kPaused},
    Row{State::kPaused, Transition::kResume, State::kRunning},
    Row{State::kPreparing, Transition::kStop, State::kStopping},
    Row{State::kCreated, Transition::kStop, State::kStopping},
    Row{State::kStarting, Transition::kStop, State::kStopping},
    Row{State::kRunning, Transition::kStop, State::kStopping},
    Row{State::kPaused, Transition::kStop, State::kStopping},
    Row{State::kStopping, Transition::kStop, State::kStopping},
    Row{State::kAccepted, Transition::kExit, State::kExited},
    Row{State::kPreparing, Transition::kExit, State::kExited},
    Row{State::kCreated, Transition::kExit, State::kExited},
    Row{State::kStarting, Transition::kExit, State::kExited},
    Row{State::kRunning, Transition::kExit, State::kExited},
    Row{State::kPaused, Transition::kExit, State::kExited},
    Row{State::kStopping, Transition::kExit, State::kExited},
    Row{State::kExited, Transition::kRestart, State::kAccepted},
};

}  // namespace

std::string_view state_name(State state) {
  switch (state) {
    case State::kAccepted:
      return "accepted";
    case State::kPreparing:
      return "preparing";
    case State::kCreated:
      return "created";
    case State::kStarting:
      return "starting";
    case State::kRunning:
      return "running";
    case State::kPaused:
      return "paused";
    case State::kStopping:
      return "stopping";
    case State::kExited:
      return "exited";
  }
  return "unknown";
}

std::string_view transition_name(Transition transition) {
  switch (transition) {
    case Transition::kPrepare:
      return "prepare";
    case Transition::kCreate:
      return "create";
    case Transition::kStart:
      return "start";
    case Transition::kRun:
      return "run";
    case Transition::kPause:
      return "pause";
    case Transition::kResume:
      return "resume";
    case Transition::kStop:
      return "stop";
    case Transition::kExit:
      return "exit";
    case Transition::kRestart:
      return "restart";
  }
  return "unknown";
}

Result<State> next_state(State from, Transition transition) {
  for (const Row& row : kTable) {
    if (row.from == from && row.transition == transition) return row.to;
  }
  return Error(Code::kFailedPrecondition,
               "cannot " + std::string(transition_name(transition)) + " a container that is " +
                   std::string(state_name(from)))
      .with_reason("STATE");
}

bool is_live(State state) { return state >= State::kPreparing && state <= State::kStopping; }

}  // namespace skerry::agent
