// Runs plugins under a leash: each operation has a control group of its own below one branch
// (SCOPE/plugins), and when a call returns nothing the plugin started is left running, however it
// forked, whatever signals it ignores.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/cgroup/cgroup.h"
#include "os/spawn.h"

namespace skerry::cni {

/// How one operation (ADD of a whole chain, say) may run.
struct CallOptions {
  /// Names its control group: letters, digits, "_", ".", "-"; no two operations that run at a time
  /// share it.
  std::string operation;
  /// For the operation, from its begin: all plugins of the chain together.
  std::chrono::milliseconds deadline{30'000};
  /// Asked before each plugin. Who cancels asks for the stop first, then calls
  /// PluginRunner::kill(), and waits for the operation to return.
  std::stop_token stop = {};
};

/// The control group of one operation. Thread: worker, one call at a time.
class PluginLeash final {
 public:
  PluginLeash(PluginLeash&&) = default;
  PluginLeash& operator=(PluginLeash&&) = delete;
  /// Kills what is left, and removes the group if it could be emptied; else it stays for
  /// PluginRunner::kill_leftovers().
  ~PluginLeash();

  /// Runs the program with `input`, then kills what is left in the group and waits for its end.
  /// Errors: DEADLINE_EXCEEDED (reason CNI_DEADLINE) when it did not end in time; CANCELLED;
  /// NOT_FOUND and others when it cannot be started; DEADLINE_EXCEEDED (reason CNI_PLUGIN_STUCK)
  /// when a process of the group survives SIGKILL. Blocks: up to the operation's deadline and four
  /// seconds more.
  Result<os::Output> run(os::Command command, const std::string& input);

 private:
  friend class PluginRunner;
  PluginLeash(os::CgroupManager& manager, std::unique_ptr<os::Cgroup> group, CallOptions options);

  Result<> clear();

  // A pointer, because a leash can be moved; never null.
  os::CgroupManager* manager_;
  std::unique_ptr<os::Cgroup> group_;
  std::chrono::steady_clock::time_point end_;
  std::stop_token stop_;
};

/// Makes leashes. Thread: any; `manager` outlives it.
class PluginRunner final {
 public:
  PluginRunner(os::CgroupManager& manager, os::CgroupPath branch)
      : manager_(manager), branch_(std::move(branch)) {}

  /// The control group is made here. Errors: INVALID_ARGUMENT for a bad name; the manager's.
  Result<PluginLeash> leash(const CallOptions& options);

  /// SIGKILL to what runs for the operation now. One that is not running is fine. Blocks: kernel.
  Result<> kill(const std::string& operation);

  /// Kills, waits for and removes everything below the branch: what an earlier life of the daemon
  /// left. Before any new call. Errors: DEADLINE_EXCEEDED naming what survives SIGKILL; the others
  /// are removed all the same. Blocks: up to two seconds for each that does not die.
  Result<> kill_leftovers();

 private:
  os::CgroupPath path_of(const std::string& operation) const { return branch_ + "/" + operation; }

  os::CgroupManager& manager_;
  os::CgroupPath branch_;
};

}  // namespace skerry::cni
