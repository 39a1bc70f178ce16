// One function per operation of a plan (plan/plan.h says what each means).
//
// Every path comes from users or images. It is resolved with openat2(RESOLVE_IN_ROOT) from a
// descriptor of the root, and used as the descriptor that came out. Errors carry the errno value.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "launcher/fd_table.h"
#include "plan/plan.h"

namespace skerry::launcher {

/// What operations hand to later ones.
struct OperationState {
  const FdTable& fds;
  /// The root directory: ours until SetRoot. Opened when first asked for.
  UniqueFd root = UniqueFd();
  /// A procfs root to use instead of /proc of the root directory, borrowed; -1 is none.
  int proc = -1;
  /// Roots of the procfs and sysfs that were mounted, found without a link on the way: what is
  /// masked or made read-only there is looked up from them, wherever /proc and /sys lead by then.
  UniqueFd own_proc = UniqueFd();
  UniqueFd own_sys = UniqueFd();
  /// The first devpts that was mounted, for terminals of this container.
  UniqueFd devpts = UniqueFd();
  /// The empty tmpfs that hides directories, once it is mounted somewhere.
  UniqueFd empty_directory = UniqueFd();
};

/// The root directory paths are resolved in. Borrowed.
Result<int> root_of(OperationState& state);

// operations_mount.cpp
Result<> apply(OperationState& state, const plan::SetRoot& operation);
Result<> apply(OperationState& state, const plan::AttachMount& operation);
Result<> apply(OperationState& state, const plan::MountPseudo& operation);
Result<> apply(OperationState& state, const plan::MakeDir& operation);
Result<> apply(OperationState& state, const plan::Symlink& operation);
Result<> apply(OperationState& state, const plan::RootReadOnly& operation);
Result<> apply(OperationState& state, const plan::EnterRoot& operation);

// operations_mask.cpp
Result<> apply(OperationState& state, const plan::MaskPath& operation);
Result<> apply(OperationState& state, const plan::ReadOnlyPath& operation);

// operations_kernel.cpp
Result<> apply(OperationState& state, const plan::JoinNamespace& operation);
Result<> apply(OperationState& state, const plan::Hostname& operation);
Result<> apply(OperationState& state, const plan::Sysctl& operation);
Result<> apply(OperationState& state, const plan::LoopbackUp& operation);
Result<> apply(OperationState& state, const plan::Rlimit& operation);
Result<> apply(OperationState& state, const plan::OomScoreAdj& operation);

// operations_identity.cpp
Result<> apply(OperationState& state, const plan::SetIds& operation);
Result<> apply(OperationState& state, const plan::WorkingDirectory& operation);
Result<> apply(OperationState& state, const plan::Capabilities& operation);
Result<> apply(OperationState& state, const plan::NoNewPrivs& operation);
Result<> apply(OperationState& state, const plan::Seccomp& operation);

/// The path of a sysctl below /proc/sys. As sysctl(8): with the first separator a dot, dots
/// separate and slashes stand for dots in names ("net.ipv4.conf.eth0/1.mtu"); else slashes
/// separate.
std::string sysctl_path(std::string_view key);

}  // namespace skerry::launcher
