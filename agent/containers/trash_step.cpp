#include "agent/containers/trash_step.h"

#include <utility>

#include "os/path.h"

namespace skerry::agent {

operations::Step trash_step(std::string name,
                            int parent,
                            const Uid& uid,
                            const Host& host,
                            const std::shared_ptr<std::string>& trash_name) {
  operations::Step step;
  step.name = std::move(name);
  step.run = [parent, uid, &host, trash_name](runtime::CancelToken&) -> Result<> {
    auto moved = os::rename_to_trash(parent, uid.str(), host.directories.trash.get());
    if (moved) {
      *trash_name = *moved;
      return {};
    }
    if (moved.error().code() == Code::kNotFound) return {};
    return std::move(moved).error();
  };
  return step;
}

}  // namespace skerry::agent
