// Makes the namespaces of a pod, in a child of the launcher, and hands them to the holder.
#pragma once

#include <cstdint>
#include <string_view>

#include "launcher/launcher_protocol.h"

namespace skerry::launcher {

struct SandboxOrder {
  std::uint64_t request = 0;
  /// Sealed memfd with a SandboxPlan.
  int plan = -1;
  /// The connection of the daemon that asked; answered by the holder, or by us when it fails.
  int connection = -1;
  /// Our end of the channel to the holder.
  int holder = -1;
  /// A procfs of the host's pid namespace, through which sysctls are written.
  int proc = -1;
};

/// Runs in a fork of the launcher, and ends it. Thread: the only one. Blocks: kernel.
[[noreturn]] void run_sandbox_maker(const SandboxOrder& order);

/// Whether writing a sysctl changes one of these namespaces (CLONE_NEW*) and nothing of the host's.
/// `path` is relative to /proc/sys.
bool is_sysctl_of(std::string_view path, std::uint64_t namespaces);

}  // namespace skerry::launcher
