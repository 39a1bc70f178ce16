// System calls that would lead out of a container. Each runs in a process of its own, as some
// change the process that makes them, and in a way that does no harm where it is permitted: where
// the permission is looked at first, with arguments that nothing can come of.
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"

struct clone3_arguments {
  unsigned long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static long unshare_of(unsigned long flags) { return syscall(SYS_unshare, flags); }

// The child of a call that worked ends at once.
static long clone_of(unsigned long flags) {
  const long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return pid;
}

static long try_clone3(void) {
  struct clone3_arguments arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  return pid;
}

static long try_setns(void) {
  const int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
  return syscall(SYS_setns, fd, 0);
}

static long try_unshare_user(void) { return unshare_of(CLONE_NEWUSER); }
static long try_unshare_mount(void) { return unshare_of(CLONE_NEWNS); }
static long try_unshare_cgroup(void) { return unshare_of(CLONE_NEWCGROUP); }
static long try_clone_user(void) { return clone_of(CLONE_NEWUSER); }
static long try_clone_pid(void) { return clone_of(CLONE_NEWPID); }

static long try_mount_proc(void) { return mount("proc", "/tmp", "proc", 0, NULL); }
static long try_mount_cgroup(void) { return mount("cgroup", "/tmp", "cgroup", 0, "memory"); }
static long try_remount(void) { return mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND, NULL); }
static long try_bind(void) { return mount("/proc/1", "/tmp", NULL, MS_BIND, NULL); }
static long try_unmount(void) { return umount2("/proc/sys", MNT_DETACH); }
static long try_fsopen(void) { return syscall(SYS_fsopen, "proc", 0); }
static long try_open_tree(void) {
  return syscall(SYS_open_tree, AT_FDCWD, "/proc", OPEN_TREE_CLONE);
}
static long try_move_mount(void) {
  return syscall(SYS_move_mount, AT_FDCWD, "/proc/sys", AT_FDCWD, "/tmp", 0);
}
static long try_mount_setattr(void) {
  unsigned long nothing[4] = {0, 2, 0, 0};  // clears MOUNT_ATTR_NOSUID
  return syscall(SYS_mount_setattr, AT_FDCWD, "/proc/sys", 0, nothing, sizeof nothing);
}
static long try_pivot_root(void) { return syscall(SYS_pivot_root, "/no", "/where"); }

static long try_bpf(void) {
  union bpf_attr nothing;
  memset(&nothing, 0, sizeof nothing);
  return syscall(SYS_bpf, BPF_PROG_LOAD, &nothing, sizeof nothing);
}
static long try_perf(void) {
  struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attributes};
  return syscall(SYS_perf_event_open, &attributes, -1, 0, -1, 0);
}
static long try_userfaultfd(void) { return syscall(SYS_userfaultfd, 0); }
static long try_io_uring(void) {
  unsigned char parameters[120] = {0};
  return syscall(SYS_io_uring_setup, 1, parameters);
}
static long try_fanotify(void) { return syscall(SYS_fanotify_init, FAN_CLASS_NOTIF, O_RDONLY); }
static long try_handle(void) {
  unsigned handle[6] = {8, 1, 2, 0, 0, 0};
  return syscall(SYS_open_by_handle_at, AT_FDCWD, handle, O_RDONLY);
}
static long try_kexec(void) { return syscall(SYS_kexec_load, 0, 99, 0, 0); }
static long try_module(void) { return syscall(SYS_init_module, NULL, 0, ""); }
static long try_module_file(void) { return syscall(SYS_finit_module, -1, "", 0); }
static long try_module_removal(void) {
  return syscall(SYS_delete_module, "skerry_none", O_NONBLOCK);
}
static long try_swap(void) { return syscall(SYS_swapon, "/no/where", 0); }
static long try_accounting(void) { return syscall(SYS_acct, "/no/where"); }
static long try_reboot(void) { return syscall(SYS_reboot, 0, 0, 0, 0); }
static long try_clock(void) {
  const long never[2] = {0, -1};
  return syscall(SYS_clock_settime, 0, never);
}
static long try_hostname(void) { return syscall(SYS_sethostname, NULL, 65536); }
static long try_syslog(void) { return syscall(SYS_syslog, 10, NULL, 0); }
static long try_quota(void) { return syscall(SYS_quotactl, 0x80000100L, NULL, 0, NULL); }
static long try_keyring(void) {
  return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0);
}
static long try_new_keyring(void) { return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL); }
static long try_vsock(void) { return socket(AF_VSOCK, SOCK_STREAM, 0); }
static long try_descriptor_of_other(void) {
  const long pidfd = syscall(SYS_pidfd_open, 1, 0);
  return syscall(SYS_pidfd_getfd, pidfd, 0, 0);
}
static long try_raw_socket(void) { return socket(AF_INET, SOCK_RAW, 1); }
static long try_packet_socket(void) { return socket(AF_PACKET, SOCK_RAW, 0); }

#ifdef __x86_64__
static long try_ports(void) { return syscall(SYS_iopl, 3); }
static long try_x32_mount(void) {
  return syscall(0x40000000L | SYS_mount, "proc", "/tmp", "proc", 0, NULL);
}
// As a 32-bit program would: other numbers, other filter.
static long call_32(long number, long first) {
  long result = 0;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(0), "d"(0) : "memory");
  if (result >= 0 || result < -4095) return result;
  errno = (int)-result;
  return -1;
}
static long try_32_unshare(void) { return call_32(310, CLONE_NEWUSER); }
static long try_32_keyctl(void) { return call_32(288, KEYCTL_GET_KEYRING_ID); }
static long try_32_bpf(void) { return call_32(357, 0); }
#endif

struct call {
  const char* name;
  long (*run)(void);
};

static const struct call calls[] = {
    {"unshare-user", try_unshare_user},
    {"unshare-mount", try_unshare_mount},
    {"unshare-cgroup", try_unshare_cgroup},
    {"clone-user", try_clone_user},
    {"clone-pid", try_clone_pid},
    {"clone3-user", try_clone3},
    {"setns", try_setns},
    {"mount-proc", try_mount_proc},
    {"mount-cgroup", try_mount_cgroup},
    {"remount", try_remount},
    {"bind", try_bind},
    {"unmount", try_unmount},
    {"fsopen", try_fsopen},
    {"open-tree", try_open_tree},
    {"move-mount", try_move_mount},
    {"mount-setattr", try_mount_setattr},
    {"pivot-root", try_pivot_root},
    {"bpf", try_bpf},
    {"perf", try_perf},
    {"userfaultfd", try_userfaultfd},
    {"io-uring", try_io_uring},
    {"fanotify", try_fanotify},
    {"open-by-handle", try_handle},
    {"kexec", try_kexec},
    {"module", try_module},
    {"module-file", try_module_file},
    {"module-removal", try_module_removal},
    {"swap", try_swap},
    {"accounting", try_accounting},
    {"reboot", try_reboot},
    {"clock", try_clock},
    {"hostname", try_hostname},
    {"syslog", try_syslog},
    {"quota", try_quota},
    {"keyring", try_keyring},
    {"new-keyring", try_new_keyring},
    {"vsock", try_vsock},
    {"descriptor-of-other", try_descriptor_of_other},
    {"raw-socket", try_raw_socket},
    {"packet-socket", try_packet_socket},
#ifdef __x86_64__
    {"ports", try_ports},
    {"x32-mount", try_x32_mount},
    {"32-unshare", try_32_unshare},
    {"32-keyctl", try_32_keyctl},
    {"32-bpf", try_32_bpf},
#endif
};

// All of them, or those named.
int attack_calls(int count, char** words) {
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; ++i) {
    int wanted = count == 0;
    for (int w = 0; w < count; ++w) wanted |= strcmp(words[w], calls[i].name) == 0;
    if (!wanted) continue;
    const pid_t pid = fork();
    if (pid < 0) return 1;
    if (pid == 0) {
      const long result = calls[i].run();
      printf("%s %s\n", calls[i].name, result < 0 ? strerrorname_np(errno) : "ok");
      _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) printf("%s signal-%d\n", calls[i].name, WTERMSIG(status));
  }
  return 0;
}
