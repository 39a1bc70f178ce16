#include "agent/pods/state.h"

#include <array>
#include <string>

namespace skerry::agent {
namespace {

struct Row {
  PodState from;
  PodTransition transition;
  PodState to;
};

constexpr std::array kTable = {
    Row{PodState::kAccepted, PodTransition::kPrepare, PodState::kPreparing},
    Row{PodState::kPreparing, PodTransition::kReady, PodState::kReady},
    Row{PodState::kPreparing, PodTransition::kFail, PodState::kStopped},
    // Whose creation did not come to its end: the daemon ended meanwhile.
    Row{PodState::kAccepted, PodTransition::kStop, PodState::kStopping},
    Row{PodState::kPreparing, PodTransition::kStop, PodState::kStopping},
    Row{PodState::kReady, PodTransition::kStop, PodState::kStopping},
    Row{PodState::kStopping, PodTransition::kEnd, PodState::kStopped},
};

}  // namespace

std::string_view state_name(PodState state) {
  switch (state) {
    case PodState::kAccepted:
      return "accepted";
    case PodState::kPreparing:
      return "preparing";
    case PodState::kReady:
      return "ready";
    case PodState::kStopping:
      return "stopping";
    case PodState::kStopped:
      return "stopped";
  }
  return "unknown";
}

std::string_view transition_name(PodTransition transition) {
  switch (transition) {
    case PodTransition::kPrepare:
      return "prepare";
    case PodTransition::kReady:
      return "make ready";
    case PodTransition::kStop:
      return "stop";
    case PodTransition::kFail:
      return "give up";
    case PodTransition::kEnd:
      return "end";
  }
  return "unknown";
}

Result<PodState> next_state(PodState from, PodTransition transition) {
  for (const Row& row : kTable) {
    if (row.from == from && row.transition == transition) return row.to;
  }
  return Error(Code::kFailedPrecondition,
               "cannot " + std::string(transition_name(transition)) + " a pod that is " +
                   std::string(state_name(from)))
      .with_reason("POD_STATE");
}

}  // namespace skerry::agent
