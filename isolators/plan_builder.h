// PlanBuilder: collects what the isolators say into one LaunchPlan, in the order the kernel needs.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/unique_fd.h"
#include "plan/plan.h"

namespace skerry::isolators {

/// When an operation runs. Within a phase operations keep the order they were added in.
enum class Phase : std::uint8_t {
  kNamespaces,    ///< join namespaces, hostname, loopback
  kRoot,          ///< the root mount
  kPseudo,        ///< proc, sysfs, dev and what lies on them
  kKernel,        ///< sysctls, oom score: they need a writable /proc, and one that no mount of the
                  ///< user's can have covered (CVE-2025-52881): so they come before those
  kMounts,        ///< volumes and binds of the user
  kMasks,         ///< masked and read-only paths, read-only root
  kEnterRoot,     ///< chroot
  kLimits,        ///< rlimits
  kEarlySeccomp,  ///< seccomp of processes without no_new_privs: needs CAP_SYS_ADMIN
  kIdentity,      ///< ids, working directory
  kPrivileges,    ///< capabilities, no_new_privs
  kLateSeccomp,   ///< seccomp under no_new_privs: as little as possible runs after it
};

struct BuiltPlan {
  plan::LaunchPlan plan;
  /// By FdIndex.
  std::vector<UniqueFd> fds;
};

/// Thread: one at a time.
class PlanBuilder final {
 public:
  PlanBuilder() = default;
  /// Goes on with a plan that was built before: descriptors and fields can be added, operations
  /// stay as they are.
  explicit PlanBuilder(BuiltPlan built);

  void add(Phase phase, plan::Operation operation);
  /// The user's mount at this place of the spec: several isolators make them, and they are attached
  /// in the order of the spec, before all else of Phase::kMounts.
  void add_user_mount(std::size_t position, plan::AttachMount mount);
  /// The builder keeps the descriptor until build().
  plan::FdIndex add_fd(UniqueFd fd);
  /// A descriptor added before, borrowed: isolators look up users in the root they did not open.
  int fd(plan::FdIndex index) const;
  void add_namespaces(std::uint64_t clone_flags);
  /// The root mount's descriptor, set by the filesystem isolator; kNoFd before.
  void set_root(plan::FdIndex root) { root_ = root; }
  plan::FdIndex root() const { return root_; }
  /// The user the process runs as, set by the process isolator: capabilities of root and of others
  /// differ.
  void set_user_id(std::uint32_t uid) { user_id_ = uid; }
  std::uint32_t user_id() const { return user_id_; }
  /// Fields that are not operations: shim, join, exec, hold.
  plan::LaunchPlan& plan() { return plan_; }

  /// Empties the builder.
  BuiltPlan build();

 private:
  std::map<Phase, std::vector<plan::Operation>> operations_;
  std::map<std::size_t, plan::AttachMount> user_mounts_;
  std::vector<UniqueFd> fds_;
  plan::FdIndex root_ = plan::kNoFd;
  std::uint32_t user_id_ = 0;
  plan::LaunchPlan plan_;
};

}  // namespace skerry::isolators
