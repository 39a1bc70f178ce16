// Kills the plugin of an operation that is asked to stop.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "agent/runtime/worker_pool.h"
#include "cni/plugin_runner.h"

namespace skerry::agent {

/// From construction to destruction; made before the operation begins, so that no request is
/// missed. The killing is done by a worker: whoever asks for the stop may be the reactor. It goes
/// on until this object ends, because a plugin may just be starting. `runner` and `workers` outlive
/// the workers' tasks.
class KillOnStop final {
 public:
  KillOnStop(const std::stop_token& stop,
             cni::PluginRunner& runner,
             runtime::WorkerPool& workers,
             std::string operation);
  KillOnStop(const KillOnStop&) = delete;
  KillOnStop& operator=(const KillOnStop&) = delete;
  ~KillOnStop();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // with the worker's task, which may end later
  std::stop_callback<std::function<void()>> callback_;
};

}  // namespace skerry::agent
