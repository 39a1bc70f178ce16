// System calls that glibc 2.36 does not wrap. Thin: they return what the kernel returns, -1 and
// errno on failure, touch no memory of their own, and may be used after fork or clone in a
// threaded process.
#pragma once

#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <cstdint>

union bpf_attr;

namespace skerry::os::sys {

/// Kernel: 5.6, openat2(2).
int openat2(int dirfd, const char* path, const open_how& how);

/// The kernel's struct clone_args up to `cgroup` (5.7), our own so that no header clash hurts.
struct CloneArgs {
  std::uint64_t flags = 0;
  std::uint64_t pidfd = 0;
  std::uint64_t child_tid = 0;
  std::uint64_t parent_tid = 0;
  std::uint64_t exit_signal = 0;
  std::uint64_t stack = 0;
  std::uint64_t stack_size = 0;
  std::uint64_t tls = 0;
  std::uint64_t set_tid = 0;
  std::uint64_t set_tid_size = 0;
  std::uint64_t cgroup = 0;
};
/// CLONE_INTO_CGROUP, which bookworm's <sched.h> lacks.
constexpr std::uint64_t kCloneIntoCgroup = 0x200000000ULL;

/// Like fork(2): returns 0 in the child, which goes on with a copy of the memory. Not for
/// CLONE_VM: see clone3_call. The child skips atfork handlers, so in a threaded process it may only
/// make system calls. Kernel: 5.3, clone3(2).
pid_t clone3(const CloneArgs& args);

/// Starts `body(argument)` on the stack named in `args` (which may share memory: CLONE_VM with
/// CLONE_VFORK); the child ends by _exit with what body returns. Returns the pid to the parent.
pid_t clone3_call(const CloneArgs& args, int (*body)(void*), void* argument);

/// Kernel: pivot_root(2).
int pivot_root(const char* new_root, const char* put_old);

/// Kernel: 5.3, 5.1, 5.6; the man page of each. Here because <sys/pidfd.h> of glibc 2.36 forgets to
/// say extern "C".
int pidfd_open(pid_t pid, unsigned flags);
int pidfd_send_signal(int pidfd, int signal);
int pidfd_getfd(int pidfd, int fd);

/// The kernel's struct pidfd_info, first version (64 bytes).
struct PidfdInfo {
  std::uint64_t mask = 0;
  std::uint64_t cgroup_id = 0;
  std::uint32_t pid = 0;
  std::uint32_t tgid = 0;
  std::uint32_t ppid = 0;
  std::uint32_t ruid = 0;
  std::uint32_t rgid = 0;
  std::uint32_t euid = 0;
  std::uint32_t egid = 0;
  std::uint32_t suid = 0;
  std::uint32_t sgid = 0;
  std::uint32_t fsuid = 0;
  std::uint32_t fsgid = 0;
  std::int32_t exit_code = 0;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t kPidfdInfoPid = 1U << 0U;
constexpr std::uint64_t kPidfdInfoCreds = 1U << 1U;
constexpr std::uint64_t kPidfdInfoCgroup = 1U << 2U;
constexpr std::uint64_t kPidfdInfoExit = 1U << 3U;

/// PIDFD_GET_INFO: `info.mask` says what is asked and, on return, what was given. Kernel: 6.13,
/// exit status 6.15; earlier ENOTTY.
int pidfd_get_info(int pidfd, PidfdInfo& info);

/// The three capability sets of this thread as 64-bit masks.
struct CapabilitySets {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t inheritable = 0;
};
/// Kernel: capget(2), capset(2), of the calling thread.
int capget(CapabilitySets& sets);
int capset(const CapabilitySets& sets);

/// Kernel: bpf(2); `attributes` is as long as this build's union bpf_attr.
int bpf(int command, bpf_attr& attributes);

/// Kernel: seccomp(2).
int seccomp(unsigned operation, unsigned flags, void* arguments);

/// Gives the process a new, anonymous session keyring. Kernel: keyctl(2); ENOSYS without keys.
int join_new_session_keyring();

}  // namespace skerry::os::sys
