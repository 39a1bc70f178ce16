// The one step of a removal: an object's directory moves to ROOT/trash.
#pragma once

#include <memory>
#include <string>

#include "agent/containers/host.h"
#include "agent/operations/step.h"
#include "base/ids.h"

namespace skerry::agent {

/// Moves `uid` out of `parent`, which is borrowed for the operation's time; `trash_name` is what it
/// is called in the trash then, or empty when it was not there.
operations::Step trash_step(std::string name,
                            int parent,
                            const Uid& uid,
                            const Host& host,
                            const std::shared_ptr<std::string>& trash_name);

}  // namespace skerry::agent
