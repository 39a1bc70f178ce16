#include "unpack/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "os/mount.h"
#include "os/path.h"
#include "os/syscalls.h"

namespace skerry::unpack {
namespace {

constexpr os::MountFlags kInert = {.nosuid = true, .nodev = true, .noexec = true};

std::uint64_t bit(int capability) { return 1ULL << static_cast<unsigned>(capability); }

Result<> set_limit(__rlimit_resource resource, std::uint64_t value, std::string_view name) {
  const rlimit limit = {.rlim_cur = value, .rlim_max = value};
  if (::setrlimit(resource, &limit) != 0)
    return Error::from_errno(errno, fmt::format("set limit {} to {}", name, value));
  return {};
}

struct Limited {
  Bytes max_file;
  Bytes max_memory;
  std::uint64_t max_cpu_seconds = 0;
};

Result<> set_limits(const Limited& spec) {
  TRY(set_limit(RLIMIT_CORE, 0, "core"));
  TRY(set_limit(RLIMIT_NOFILE, 1024, "nofile"));
  TRY(set_limit(RLIMIT_NPROC, 0, "nproc"));
  TRY(set_limit(RLIMIT_FSIZE, spec.max_file.value(), "fsize"));
  // SIGXCPU, which says what happened, comes at the soft limit, SIGKILL at the hard one.
  const rlimit cpu = {.rlim_cur = spec.max_cpu_seconds, .rlim_max = spec.max_cpu_seconds + 1};
  if (::setrlimit(RLIMIT_CPU, &cpu) != 0) return Error::from_errno(errno, "set limit cpu");
#ifndef __SANITIZE_ADDRESS__  // It reserves terabytes of addresses.
  TRY(set_limit(RLIMIT_AS, spec.max_memory.value(), "as"));
#endif
  // Too large a file is then EFBIG, with the entry's name, instead of a death.
  if (std::signal(SIGXFSZ, SIG_IGN) == SIG_ERR)  // NOLINT(cert-err33-c): one thread, no handler
    return Error::from_errno(errno, "ignore SIGXFSZ");
  return {};
}

Result<> enter_namespaces() {
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
    return Error::from_errno(errno, "make namespaces");
  // Or what is attached below would show in the host's namespace as well.
  mount_attr attributes = {};
  attributes.propagation = MS_PRIVATE;
  if (::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof(attributes)) != 0)
    return Error::from_errno(errno, "make mounts private");
  return {};
}

// chroot and not pivot_root, which an initramfs as root does not allow. Leaving a chroot takes
// a capability, a descriptor outside or a system call, and none is left.
Result<> enter_empty_root() {
  os::MountFlags flags = kInert;
  flags.read_only = true;
  TRY_ASSIGN(const UniqueFd empty,
             os::make_tmpfs({.size = Bytes(4096), .inodes = 1, .mode = 0555, .flags = flags}));
  TRY_ASSIGN(const UniqueFd old_root, os::open_dir("/"));
  TRY(os::attach_mount(empty.get(), old_root.get()));
  if (::fchdir(empty.get()) != 0) return Error::from_errno(errno, "enter empty root");
  if (::chroot(".") != 0) return Error::from_errno(errno, "enter empty root");
  return {};
}

Result<> drop_capabilities(Whiteouts whiteouts) {
  std::uint64_t kept = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_FSETID) |
                       bit(CAP_MKNOD) | bit(CAP_SETFCAP);
  // trusted.overlay.opaque; what else it could do does not pass the filter.
  if (whiteouts == Whiteouts::kOverlay) kept |= bit(CAP_SYS_ADMIN);
  os::sys::CapabilitySets sets;
  if (os::sys::capget(sets) != 0) return Error::from_errno(errno, "read capabilities");
  kept &= sets.permitted;
  if (os::sys::capset({.effective = kept, .permitted = kept, .inheritable = 0}) != 0)
    return Error::from_errno(errno, "drop capabilities");
  return {};
}

Result<> give_up_privileges(const Limited& limits, Whiteouts whiteouts) {
  TRY(set_limits(limits));
  TRY(drop_capabilities(whiteouts));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return Error::from_errno(errno, "set no_new_privs");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Error::from_errno(errno, "make undumpable");
  return {};
}

}  // namespace

Result<Sandbox> enter_sandbox(const SandboxSpec& spec) {
  Sandbox out;
  // Clones are made before the namespaces: a descriptor of the old one is no source afterwards.
  TRY_ASSIGN(out.destination,
             os::clone_tree({.dir = spec.destination, .path = ""}, os::MountScope::kOne, kInert));
  if (spec.source_kind == SourceKind::kDirectory) {
    os::MountFlags flags = kInert;
    flags.read_only = true;
    TRY_ASSIGN(out.source,
               os::clone_tree({.dir = spec.source, .path = ""}, os::MountScope::kOne, flags));
    UniqueFd(spec.source).reset();
  }
  UniqueFd(spec.destination).reset();
  TRY(enter_namespaces());
  TRY(enter_empty_root());
  TRY(give_up_privileges({.max_file = spec.max_file,
                          .max_memory = spec.max_memory,
                          .max_cpu_seconds = spec.max_cpu_seconds},
                         spec.whiteouts));
  TRY(load_system_call_filter());
  return out;
}

Result<UniqueFd> enter_container(const ContainerEntry& entry) {
  // Before it shares anything with the container.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Error::from_errno(errno, "make undumpable");
  const bool process = entry.kind == ContainerEntry::Kind::kProcess;
  // The root directory becomes that of the namespace.
  if (process && ::setns(entry.handle, CLONE_NEWNS) != 0)
    return Error::from_errno(errno, "join the container's mounts");
  TRY(enter_namespaces());
  os::MountFlags flags = kInert;
  flags.read_only = entry.read_only;
  if (!process) {
    TRY_ASSIGN(const UniqueFd old_root, os::open_dir("/"));
    TRY(os::attach_mount(entry.handle, old_root.get()));
    if (::fchdir(entry.handle) != 0 || ::chroot(".") != 0)
      return Error::from_errno(errno, "enter the container's root");
  }
  UniqueFd(entry.handle).reset();
  UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return Error::from_errno(errno, "open the container's root");
  TRY(os::set_mount_flags(root.get(), flags, os::MountScope::kTree));
  TRY(give_up_privileges({.max_file = entry.max_file,
                          .max_memory = entry.max_memory,
                          .max_cpu_seconds = entry.max_cpu_seconds},
                         Whiteouts::kLiteral));
  return root;
}

}  // namespace skerry::unpack
