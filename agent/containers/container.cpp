#include "agent/containers/container.h"

#include <fmt/format.h>

namespace skerry::agent {

Error wrong_state(const Container& container, std::string_view is) {
  return Error(Code::kFailedPrecondition,
               fmt::format("the container is {}", is.empty() ? state_name(container.state()) : is))
      .with_reason("STATE")
      .with_object("container " + container.api().id());
}

}  // namespace skerry::agent
