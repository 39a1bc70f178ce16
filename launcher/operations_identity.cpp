#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include "launcher/operations.h"
#include "os/path.h"
#include "os/syscalls.h"

namespace skerry::launcher {
namespace {

constexpr unsigned kMaxCapabilities = 64;

// A change of credentials clears the parent death signal (prctl(2)); this puts it back at the end
// of the scope.
class KeepDeathSignal final {
 public:
  KeepDeathSignal() { ::prctl(PR_GET_PDEATHSIG, &signal_); }
  KeepDeathSignal(const KeepDeathSignal&) = delete;
  KeepDeathSignal& operator=(const KeepDeathSignal&) = delete;
  ~KeepDeathSignal() {
    if (signal_ != 0) ::prctl(PR_SET_PDEATHSIG, signal_);
  }

 private:
  int signal_ = 0;
};

// UNIX98_PTY_SLAVE_MAJOR and the seven after it (devices.txt).
bool is_pty(dev_t device) { return major(device) >= 136 && major(device) <= 143; }

// So that the user can open /proc/self/fd/1. Only pipes and a terminal, which are the container's
// alone: the null device is the host's. A terminal keeps its group, tty.
Result<> give_away_stdio(uid_t uid, gid_t gid) {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) continue;
    const bool terminal = S_ISCHR(info.st_mode) && is_pty(info.st_rdev);
    if (!terminal && !S_ISFIFO(info.st_mode)) continue;
    if (::fchown(fd, uid, terminal ? static_cast<gid_t>(-1) : gid) != 0)
      return Error::from_errno(errno, "give away stdio");
  }
  return {};
}

Result<> raise_capabilities() {
  os::sys::CapabilitySets sets;
  if (os::sys::capget(sets) != 0) return Error::from_errno(errno, "read capabilities");
  sets.effective = sets.permitted;
  if (os::sys::capset(sets) != 0) return Error::from_errno(errno, "raise capabilities");
  return {};
}

// mkdir -p as root by a process that has become a user but still has root's capabilities permitted:
// the file system ids of root bring its rights over files back with them (capabilities(7)).
Result<> make_directory_as_root(const std::string& path) {
  const KeepDeathSignal keep;
  os::sys::CapabilitySets before;
  if (os::sys::capget(before) != 0) return Error::from_errno(errno, "read capabilities");
  TRY(raise_capabilities());
  const int uid = ::setfsuid(0);
  const int gid = ::setfsgid(0);
  auto made = [&]() -> Result<> {
    TRY_ASSIGN(const auto root, os::open_dir("/"));
    TRY(os::make_dirs_in_root(root.get(), path, 0755));
    return {};
  }();
  ::setfsgid(static_cast<gid_t>(gid));
  ::setfsuid(static_cast<uid_t>(uid));
  if (os::sys::capset(before) != 0) return Error::from_errno(errno, "lower capabilities");
  return made;
}

// A link through /proc/self/fd leads to any directory that is open here (CVE-2024-21626). By system
// call: the C library would look for the path by itself where the kernel has none.
Result<> check_inside_root() {
  std::array<char, PATH_MAX> path{};
  if (::syscall(SYS_getcwd, path.data(), path.size()) < 0)
    return Error::from_errno(errno, "name working directory");
  // "(unreachable)/…"
  if (path.front() != '/') return Error::from_errno(EXDEV, "working directory outside of the root");
  return {};
}

Result<> limit_bounding_set(std::uint64_t bounding) {
  for (unsigned cap = 0; cap < kMaxCapabilities; ++cap) {
    if ((bounding >> cap & 1U) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0) continue;
    // EINVAL is the first number this kernel has no capability for.
    if (errno == EINVAL) return {};
    return Error::from_errno(errno, "drop capability");
  }
  return {};
}

Result<> set_ambient(std::uint64_t ambient) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return Error::from_errno(errno, "clear ambient capabilities");
  for (; ambient != 0; ambient &= ambient - 1) {
    const int cap = std::countr_zero(ambient);
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
      return Error::from_errno(errno, "raise ambient capability");
  }
  return {};
}

}  // namespace

// Capabilities stay permitted, for operations that still need them; Capabilities takes them away.
Result<> apply(OperationState&, const plan::SetIds& operation) {
  const KeepDeathSignal keep;
  TRY(give_away_stdio(operation.uid, operation.gid));
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
    return Error::from_errno(errno, "keep capabilities");
  if (::setgroups(operation.groups.size(), operation.groups.data()) != 0)
    return Error::from_errno(errno, "set groups");
  if (::setresgid(operation.gid, operation.gid, operation.gid) != 0)
    return Error::from_errno(errno, "set group");
  if (::setresuid(operation.uid, operation.uid, operation.uid) != 0)
    return Error::from_errno(errno, "set user");
  return {};
}

Result<> apply(OperationState&, const plan::WorkingDirectory& operation) {
  const bool there = ::chdir(operation.path.c_str()) == 0;
  const int sys_errno = errno;
  if (!there && (sys_errno != ENOENT || !operation.create))
    return Error::from_errno(sys_errno, "change to working directory");
  if (!there) {
    TRY(make_directory_as_root(operation.path));
    if (::chdir(operation.path.c_str()) != 0)
      return Error::from_errno(errno, "change to working directory");
  }
  return check_inside_root();
}

// The order is that of capabilities(7): the bounding set needs CAP_SETPCAP, the ambient one needs
// what it raises permitted and inheritable.
Result<> apply(OperationState&, const plan::Capabilities& operation) {
  TRY(raise_capabilities());
  TRY(limit_bounding_set(operation.bounding));
  if (os::sys::capset({.effective = operation.effective,
                       .permitted = operation.permitted,
                       .inheritable = operation.inheritable}) != 0)
    return Error::from_errno(errno, "set capabilities");
  return set_ambient(operation.ambient);
}

Result<> apply(OperationState&, const plan::NoNewPrivs&) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return Error::from_errno(errno, "set no_new_privs");
  return {};
}

Result<> apply(OperationState&, const plan::Seccomp& operation) {
  const std::size_t count = operation.program.size() / sizeof(sock_filter);
  if (operation.program.size() % sizeof(sock_filter) != 0 || count == 0 || count > BPF_MAXINSNS)
    return Error::from_errno(EINVAL, "seccomp program");
  std::vector<sock_filter> filter(count);
  std::memcpy(filter.data(), operation.program.data(), operation.program.size());
  sock_fprog program{.len = static_cast<unsigned short>(count), .filter = filter.data()};
  if (os::sys::seccomp(SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return Error::from_errno(errno, "load seccomp filter");
  return {};
}

}  // namespace skerry::launcher
