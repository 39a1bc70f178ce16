#include "isolators/seccomp/profile.h"

#include <linux/capability.h>
#include <sched.h>

#include <array>

namespace skerry::isolators::seccomp {
namespace {

// One name a line would hide the groups.
// clang-format off
constexpr auto kAlways = std::to_array<std::string_view>({
    // files and directories
    "access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range",
    "creat", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64",
    "fallocate", "fchdir", "fchmod", "fchmodat", "fchown", "fchown32", "fchownat", "fcntl",
    "fcntl64", "fdatasync", "flock", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64",
    "fsync", "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents", "getdents64", "ioctl",
    "lchown", "lchown32", "link", "linkat", "_llseek", "lseek", "lstat", "lstat64", "mkdir",
    "mkdirat", "mknod", "mknodat", "name_to_handle_at", "newfstatat", "open", "openat", "openat2",
    "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
    "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile",
    "sendfile64", "splice", "stat", "stat64", "statfs", "statfs64", "statx", "symlink",
    "symlinkat", "sync", "sync_file_range", "syncfs", "tee", "truncate", "truncate64", "umask",
    "unlink", "unlinkat", "utime", "utimensat", "utimensat_time64", "utimes", "vmsplice", "write",
    "writev",
    // extended attributes
    "fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "getxattr", "lgetxattr", "listxattr",
    "llistxattr", "lremovexattr", "lsetxattr", "removexattr", "setxattr",
    // waiting for files and events
    "_newselect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait",
    "epoll_pwait2", "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "fanotify_mark",
    "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "pipe", "pipe2",
    "poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64", "select", "signalfd",
    "signalfd4",
    // asynchronous I/O (io_uring is left out: too many holes, as Docker found)
    "io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_pgetevents_time64", "io_setup",
    "io_submit", "ioprio_get", "ioprio_set",
    // memory
    "brk", "madvise", "membarrier", "memfd_create", "memfd_secret", "mincore", "mlock", "mlock2",
    "mlockall", "mmap", "mmap2", "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap",
    "pkey_alloc", "pkey_free", "pkey_mprotect", "remap_file_pages",
    // processes and threads
    "arch_prctl", "execve", "execveat", "exit", "exit_group", "fork", "get_robust_list",
    "get_thread_area", "getcpu", "getpgid", "getpgrp", "getpid", "getppid", "getsid", "gettid",
    "kill", "modify_ldt", "pause", "pidfd_open", "pidfd_send_signal", "prctl", "process_mrelease",
    "process_vm_readv", "process_vm_writev", "ptrace", "restart_syscall", "rseq",
    "set_robust_list", "set_thread_area", "set_tid_address", "setpgid", "setsid", "tgkill",
    "tkill", "vfork", "wait4", "waitid", "waitpid",
    // scheduling and limits
    "getpriority", "getrlimit", "getrusage", "prlimit64", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
    "sched_getscheduler", "sched_rr_get_interval", "sched_rr_get_interval_time64",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield",
    "setpriority", "setrlimit", "ugetrlimit",
    // signals
    "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo",
    "sigaltstack", "sigprocmask", "sigreturn",
    // futexes
    "futex", "futex_time64", "futex_waitv",
    // ids, capabilities and sandboxes
    "capget", "capset", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32",
    "getgroups", "getgroups32", "getresgid", "getresgid32", "getresuid", "getresuid32", "getuid",
    "getuid32", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self",
    "seccomp", "setfsgid", "setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32",
    "setgroups", "setgroups32", "setregid", "setregid32", "setresgid", "setresgid32", "setresuid",
    "setresuid32", "setreuid", "setreuid32", "setuid", "setuid32",
    // sockets; socketcall is i386's door to all of them, its arguments are out of a filter's reach
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
    "recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg",
    "sendto", "setsockopt", "shutdown", "socketcall", "socketpair",
    // System V and POSIX IPC
    "ipc", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64",
    "mq_timedsend", "mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd",
    "semctl", "semget", "semop", "semtimedop", "semtimedop_time64", "shmat", "shmctl", "shmdt",
    "shmget",
    // time
    "adjtimex", "alarm", "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64",
    "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "getitimer",
    "gettimeofday", "nanosleep", "setitimer", "time", "timer_create", "timer_delete",
    "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime", "timer_settime64",
    "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime",
    "timerfd_settime64", "times",
    // about the system
    "getrandom", "sysinfo", "uname",
    // 32-bit ARM
    "arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls",
    "sync_file_range2",
});
// clang-format on

constexpr auto kChecked = std::to_array<CheckedCall>({
    {"personality", Check::kPersonality},
    {"clone", Check::kNoNewNamespaces},
    {"socket", Check::kNoVsock},
});

constexpr auto kSysAdmin = std::to_array<std::string_view>({
    "bpf",           "clone",         "clone3",      "fanotify_init",   "fsconfig",
    "fsmount",       "fsopen",        "fspick",      "lookup_dcookie",  "mount",
    "mount_setattr", "move_mount",    "open_tree",   "perf_event_open", "quotactl",
    "quotactl_fd",   "setdomainname", "sethostname", "setns",           "syslog",
    "umount",        "umount2",       "unshare",
});
constexpr auto kDacReadSearch = std::to_array<std::string_view>({"open_by_handle_at"});
constexpr auto kSysBoot = std::to_array<std::string_view>({"reboot"});
constexpr auto kSysChroot = std::to_array<std::string_view>({"chroot"});
constexpr auto kSysModule =
    std::to_array<std::string_view>({"delete_module", "finit_module", "init_module"});
constexpr auto kSysPacct = std::to_array<std::string_view>({"acct"});
constexpr auto kSysPtrace =
    std::to_array<std::string_view>({"kcmp", "pidfd_getfd", "process_madvise"});
constexpr auto kSysRawio = std::to_array<std::string_view>({"ioperm", "iopl"});
constexpr auto kSysTime =
    std::to_array<std::string_view>({"clock_settime", "clock_settime64", "settimeofday", "stime"});
constexpr auto kSysTtyConfig = std::to_array<std::string_view>({"vhangup"});
constexpr auto kSysNice = std::to_array<std::string_view>(
    {"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"});
constexpr auto kSyslog = std::to_array<std::string_view>({"syslog"});
constexpr auto kBpf = std::to_array<std::string_view>({"bpf"});
constexpr auto kPerfmon = std::to_array<std::string_view>({"perf_event_open"});

constexpr auto kWithCapability = std::to_array<CapabilityGroup>({
    {CAP_SYS_ADMIN, kSysAdmin},
    {CAP_DAC_READ_SEARCH, kDacReadSearch},
    {CAP_SYS_BOOT, kSysBoot},
    {CAP_SYS_CHROOT, kSysChroot},
    {CAP_SYS_MODULE, kSysModule},
    {CAP_SYS_PACCT, kSysPacct},
    {CAP_SYS_PTRACE, kSysPtrace},
    {CAP_SYS_RAWIO, kSysRawio},
    {CAP_SYS_TIME, kSysTime},
    {CAP_SYS_TTY_CONFIG, kSysTtyConfig},
    {CAP_SYS_NICE, kSysNice},
    {CAP_SYSLOG, kSyslog},
    {CAP_BPF, kBpf},
    {CAP_PERFMON, kPerfmon},
});

// cachestat, fchmodat2, map_shadow_stack, futex_wake, futex_wait, futex_requeue, statmount,
// listmount, lsm_get_self_attr, lsm_set_self_attr, lsm_list_modules, mseal, setxattrat, getxattrat,
// listxattrat, removexattrat.
constexpr auto kAlwaysNumbers = std::to_array<int>(
    {451, 452, 453, 454, 455, 456, 457, 458, 459, 460, 461, 462, 463, 464, 465, 466});

// PER_LINUX, PER_LINUX32, each alone and with UNAME26; and "which one is it now?".
constexpr auto kPersonalities =
    std::to_array<std::uint32_t>({0x0, 0x8, 0x20000, 0x20008, 0xffffffff});

}  // namespace

const std::uint32_t kNamespaceFlags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                      CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

std::span<const std::string_view> always_allowed() { return kAlways; }
std::span<const CheckedCall> allowed_with_check() { return kChecked; }
std::span<const CapabilityGroup> allowed_with_capability() { return kWithCapability; }
std::span<const int> always_allowed_numbers() { return kAlwaysNumbers; }
std::span<const std::uint32_t> allowed_personalities() { return kPersonalities; }

}  // namespace skerry::isolators::seccomp
