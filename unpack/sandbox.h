// Puts this process where a mistake in a decompressor or a tar parser is worth little.
//
// After enter_sandbox(): mount, network, ipc and uts namespaces of its own; the root is an empty,
// read-only tmpfs; the destination (and a source directory, read-only) are detached clones of their
// mounts, nosuid, nodev and noexec, and the only files there are; capabilities are those that
// ownership needs; limits on memory, processor time, file size and descriptors; a filter that
// allows some sixty system calls and kills on any other. No pid namespace: it would take a fork,
// and no call that names another process passes the filter. No user namespace: the tree keeps the
// owners the archive says.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "unpack/tree_writer.h"

namespace skerry::unpack {

enum class SourceKind : std::uint8_t { kArchive, kDirectory };

struct SandboxSpec {
  SourceKind source_kind = SourceKind::kArchive;
  Whiteouts whiteouts = Whiteouts::kLiteral;
  int source = -1;       ///< Borrowed.
  int destination = -1;  ///< Borrowed; closed here, so that only the clone is left.
  Bytes max_file;
  Bytes max_memory;
  std::uint64_t max_cpu_seconds = 0;
};

/// What the work goes on with.
struct Sandbox {
  UniqueFd source;  ///< Set for a directory only; an archive is read from what was given.
  UniqueFd destination;
};

/// For a process of one thread, as root. There is no way back. Errors: by errno.
/// Kernel: 5.12 (mount_setattr), namespaces(7), seccomp(2).
Result<Sandbox> enter_sandbox(const SandboxSpec& spec);

/// A container's file system, to copy into or out of.
struct ContainerEntry {
  /// Whose root it is: a process (a pidfd), by its mount namespace with all that is mounted there;
  /// or a detached mount.
  enum class Kind : std::uint8_t { kProcess, kMount };
  Kind kind = Kind::kProcess;
  int handle = -1;  ///< Borrowed; closed here.
  bool read_only = false;
  Bytes max_file;
  Bytes max_memory;
  std::uint64_t max_cpu_seconds = 0;
};

/// As enter_sandbox(), but with the container's file system as the root of a mount namespace of our
/// own, nosuid, nodev and noexec: what the container mounts from then on does not show, and nothing
/// shows that is not the container's. Returns the root. The filter is not loaded yet: the caller
/// resolves its path first. Kernel: 5.8 (setns(2) by a pidfd), 5.12.
Result<UniqueFd> enter_container(const ContainerEntry& entry);

/// The filter alone, the last step. Separate so that a test can watch it bite.
Result<> load_system_call_filter();

}  // namespace skerry::unpack
