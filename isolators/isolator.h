// The contract every isolator fulfils: one aspect of a container's isolation, as decisions that
// become data in a LaunchPlan, and as settings on the container's cgroup.
//
// Order of calls, per container:   validate → prepare → (update)* → cleanup
//
//  - Stateless per container: what an isolator must remember is its checkpoint, stored with the
//    container's record and handed back.
//  - prepare() undoes its own partial work when it fails. cleanup() is idempotent, and succeeds
//    for a container that was never prepared, also after a reboot.
//  - An isolator never logs; its errors carry the object and go up.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "isolators/container_config.h"
#include "isolators/plan_builder.h"
#include "os/cgroup/cgroup.h"
#include "os/host_facts.h"

namespace skerry::isolators {

/// What an isolator wants back later. `version` grows when the bytes change their meaning.
struct Checkpoint {
  std::string isolator;
  std::uint32_t version = 0;
  std::string bytes;
  bool operator==(const Checkpoint&) const = default;
};

/// What is known of a container before it is asked for.
struct Foreseen {
  const os::HostFacts& host;
  /// As in RootFilesystem.
  std::string scratch;
  /// The layers it will probably have; empty: nobody knows.
  std::vector<std::string> layers = {};
  bool durable = false;
};

/// Detached mounts made for it (make_ready). Whoever uses one takes it out.
struct ReadyMounts {
  UniqueFd dev;
  UniqueFd cgroups;
  /// Over the scratch, with these layers; none when they were not known.
  UniqueFd root;
  std::vector<std::string> layers = {};
  /// Device and inode of each: a layer of that path may be another one by now.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> trees = {};
  bool durable = false;
};

/// What prepare() may use. References live as long as the call.
struct PrepareContext {
  const ContainerConfig& config;
  const os::HostFacts& host;
  /// The container's own group, made and empty.
  os::Cgroup& cgroup;
  PlanBuilder& plan;
  /// Asked to stop: comes back soon, with an error.
  std::stop_token stop = {};
  /// When prepare() fails and cannot undo its own work: what cleanup() is owed. Null: the caller
  /// does not want to know.
  std::optional<Checkpoint>* left_behind = nullptr;
  /// Null: nothing was made beforehand.
  ReadyMounts* ready = nullptr;
};

/// What prepare_exec() may use: a further process in a container that runs.
struct ExecContext {
  /// The container's own config, with the process, capabilities and no_new_privs of the exec.
  const ContainerConfig& config;
  /// The container's root directory as its processes see it, borrowed.
  int root = -1;
  PlanBuilder& plan;
};

class Isolator {
 public:
  Isolator() = default;
  Isolator(const Isolator&) = delete;
  Isolator& operator=(const Isolator&) = delete;
  virtual ~Isolator() = default;

  /// Unique, lower case: "filesystem", "cgroup/cpu". Also the step's name in errors and failpoints.
  virtual std::string_view name() const = 0;
  /// Names of isolators whose prepare() must have finished before this one's.
  virtual std::vector<std::string_view> after() const { return {}; }
  /// Whose foreign code (plugins) prepare(), or cleanup() of that checkpoint, runs, or who can hold
  /// up the launch of such a plan: one name each, the same for every container. What runs such code
  /// is kept to threads of its own, and what hangs delays only those with a name in common. Blocks:
  /// never. Thread: any.
  virtual std::vector<std::string> foreign_code(const ContainerConfig& config) const {
    static_cast<void>(config);
    return {};
  }
  virtual std::vector<std::string> foreign_code(const Checkpoint& checkpoint) const {
    static_cast<void>(checkpoint);
    return {};
  }
  /// Pure check of a config against this host: INVALID_ARGUMENT naming the field,
  /// FAILED_PRECONDITION for what this host cannot do. Blocks: never. Thread: any.
  virtual Result<> validate(const ContainerConfig& config, const os::HostFacts& host) const = 0;
  /// Adds to the plan, sets up the kernel's side. Blocks: kernel. Thread: worker.
  virtual Result<Checkpoint> prepare(const PrepareContext& context) = 0;
  /// Adds what every process of the container gets on its own to the plan of an exec, whose
  /// namespaces and cgroups are joined. Nothing to undo. Called in the order of prepare(), after
  /// validate() of the same config. Blocks: kernel (the container's file systems). Thread: worker.
  virtual Result<> prepare_exec(const ExecContext& context) {
    static_cast<void>(context);
    return {};
  }
  /// Applies changed resources to a running container; `config` is the new one. Undoes nothing:
  /// the caller applies the old one again when a later isolator refuses. Thread: worker.
  virtual Result<> update(const ContainerConfig& config, os::Cgroup& cgroup) {
    static_cast<void>(config);
    static_cast<void>(cgroup);
    return {};
  }
  /// Makes of prepare()'s work what can be made for a container that nobody asked for yet. What it
  /// leaves in the scratch goes with the scratch. Errors: as prepare(). Blocks: kernel.
  /// Thread: worker.
  virtual Result<> make_ready(const Foreseen& container, ReadyMounts& out) {
    static_cast<void>(container);
    static_cast<void>(out);
    return {};
  }
  /// Undoes what outlives the container's processes and cgroup. Idempotent. Blocks: kernel.
  virtual Result<> cleanup(const Uid& uid, const Checkpoint& checkpoint) {
    static_cast<void>(uid);
    static_cast<void>(checkpoint);
    return {};
  }
};

/// The isolators of this daemon in an order that respects after(). Made in main.
using IsolatorChain = std::vector<std::unique_ptr<Isolator>>;

struct NetworkIsolatorOptions;
class VolumeProvider;
class PodProvider;

/// What isolators work with that the daemon has.
struct ChainParts {
  /// Null: containers are on no network or the host's.
  const NetworkIsolatorOptions* network = nullptr;
  /// Null: containers have no volumes.
  VolumeProvider* volumes = nullptr;
  /// Null: containers join no pods.
  PodProvider* pods = nullptr;
  /// Real paths of the host at and below which containers may bind mount.
  std::vector<std::string> bind_sources = {"/"};
};

/// All built-in isolators, ordered. Errors: FAILED_PRECONDITION when the host lacks what the
/// product cannot do without (named).
Result<IsolatorChain> make_isolators(const os::HostFacts& host, const ChainParts& parts = {});

}  // namespace skerry::isolators
