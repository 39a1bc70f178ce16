// The daemon's side of RUN/launcher.sock: finds or starts the holder, keeps its launcher of our own
// build, and hands it plans.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "isolators/plan_builder.h"
#include "launcher/launcher_protocol.h"

namespace skerry::agent {

/// A shim that was forked for us.
struct Launched {
  pid_t shim_pid = -1;
  UniqueFd shim_pidfd;
};

/// The plan as launcher and shim take it: in a memfd that nobody can change any more. Errors:
/// RESOURCE_EXHAUSTED (too large). Blocks: never.
Result<UniqueFd> seal_plan(const plan::LaunchPlan& plan);

/// A pod's namespaces, kept by the holder. Descriptors of kinds it does not have are empty.
struct Sandbox {
  Uid uid;
  UniqueFd net;
  UniqueFd ipc;
  UniqueFd uts;
  /// The network namespace as other programs find it while the holder keeps it: plugins' CNI_NETNS.
  /// Empty when there is none.
  std::string net_path;
};

/// Thread: any; calls of several workers run side by side, each on a connection of its own.
class LauncherClient final {
 public:
  struct Options {
    /// RUN, where the socket is; kept open by the caller.
    int run_dir = -1;
    /// The skerry-launcher binary.
    std::string program;
    /// Moves a new holder to where it outlives the daemon (scope, cgroup), before it does anything.
    std::function<Result<>(pid_t)> adopt_holder;
  };

  /// Connects to the holder in the run directory, or starts one. A launcher of another build is
  /// told to become ours. Blocks: up to the deadline.
  static Result<std::unique_ptr<LauncherClient>> start(Options options,
                                                       std::chrono::milliseconds deadline);

  /// Has a shim forked for the plan. An error leaves it open whether a shim exists: the caller
  /// finds out by the control socket of the plan, whose other ends are closed when there is none.
  /// Errors: RESOURCE_EXHAUSTED (fork failed, plan too large), UNAVAILABLE (launcher gone),
  /// deadline. Blocks: up to the deadline.
  Result<Launched> launch(const isolators::BuiltPlan& plan, std::chrono::milliseconds deadline);

  // Pods' namespaces (launcher_sandboxes.cpp). They live with the holder: a killed one takes them
  // along, but for processes that are inside.

  /// Makes the namespaces, or finds those kept under that uid. Errors: the failed operation's, with
  /// its name; RESOURCE_EXHAUSTED when the holder keeps as many as it may; UNIMPLEMENTED from a
  /// holder that is too old; UNAVAILABLE (launcher gone); deadline. Blocks: up to the deadline.
  Result<Sandbox> make_sandbox(const plan::SandboxPlan& plan, std::chrono::milliseconds deadline);
  /// Errors: NOT_FOUND, and as above.
  Result<Sandbox> get_sandbox(const Uid& uid, std::chrono::milliseconds deadline);
  /// What is gone already is fine. Who is inside stays inside. Errors: as above. Idempotent.
  Result<> drop_sandbox(const Uid& uid, std::chrono::milliseconds deadline);
  /// Whose namespaces the holder keeps. Errors: as above.
  Result<std::vector<Uid>> list_sandboxes(std::chrono::milliseconds deadline);

  /// For facts shown to people; -1 when unknown.
  pid_t holder_pid() const;

 private:
  explicit LauncherClient(Options options) : options_(std::move(options)) {}

  Result<> load_program();
  Result<> ensure_holder(std::chrono::steady_clock::time_point deadline);
  Result<> start_holder();
  /// Starts a holder unless somebody else just did.
  Result<> revive_holder();
  /// A connection whose Hello was read and is of our build.
  Result<UniqueFd> connect(std::chrono::steady_clock::time_point deadline);
  Result<UniqueFd> take(std::chrono::steady_clock::time_point deadline);
  void give_back(UniqueFd connection);
  struct SandboxAnswer;
  /// One request about sandboxes and its answer; a refusal is an error.
  Result<SandboxAnswer> ask(launcher::SandboxPacket request,
                            int plan,
                            launcher::LauncherMessage wanted,
                            std::chrono::milliseconds deadline);
  Result<Sandbox> to_sandbox(SandboxAnswer answer) const;

  Options options_;
  UniqueFd program_;  ///< sealed memfd
  std::array<std::uint8_t, 16> build_{};
  std::mutex reviving_;  ///< held over the start of a holder, by workers only
  mutable std::mutex mutex_;
  std::vector<UniqueFd> idle_;
  std::uint64_t next_request_ = 1;
  pid_t holder_pid_ = -1;
};

}  // namespace skerry::agent
