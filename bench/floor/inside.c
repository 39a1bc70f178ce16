#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "floor.h"

// <sys/mount.h> and <linux/mount.h> cannot be included together; the second has mount_attr.
extern int mount(const char*, const char*, const char*, unsigned long, const void*);

// The flag bits of mount(2).
enum {
  kReadOnly = 1,
  kNoSuid = 2,
  kNoDev = 4,
  kNoExec = 8,
  kRemount = 32,
  kBind = 4096,
  kPlain = kNoSuid | kNoDev | kNoExec,
};

static void attach(const char* type, const char* where, unsigned long flags, const char* data) {
  if (mount(type, where, type, flags, data) != 0) fail("mount", where);
}

static void make_directory(const char* path) {
  if (mkdir(path, 0755) != 0) fail("mkdir", path);
}

static void raise_loopback(void) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket", "lo");
  struct ifreq request = {.ifr_name = "lo"};
  request.ifr_flags = IFF_UP;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) fail("SIOCSIFFLAGS", "lo");
  close(fd);
}

static void enter_root(int overlay_fd) {
  // Over "/" and chroot, not pivot_root: that one looks at every task of the host. What is below
  // is the empty read-only mount of launch_prepare, so an escape from the chroot finds nothing.
  if (syscall(SYS_move_mount, overlay_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    fail("move_mount", "/");
  }
  if (fchdir(overlay_fd) != 0 || chroot(".") != 0) fail("chroot", "overlay");
}

static void make_devices(void) {
  static const struct {
    const char* path;
    unsigned major, minor;
  } kNodes[] = {{"/dev/null", 1, 3},
                {"/dev/zero", 1, 5},
                {"/dev/full", 1, 7},
                {"/dev/random", 1, 8},
                {"/dev/urandom", 1, 9},
                {"/dev/tty", 5, 0}};
  static const char* const kLinks[][2] = {{"/proc/self/fd", "/dev/fd"},
                                          {"/proc/self/fd/0", "/dev/stdin"},
                                          {"/proc/self/fd/1", "/dev/stdout"},
                                          {"/proc/self/fd/2", "/dev/stderr"},
                                          {"pts/ptmx", "/dev/ptmx"}};
  attach("tmpfs", "/dev", kNoSuid, "mode=755,size=65536k");
  for (size_t i = 0; i < sizeof kNodes / sizeof *kNodes; i++) {
    const dev_t device = makedev(kNodes[i].major, kNodes[i].minor);
    if (mknod(kNodes[i].path, S_IFCHR | 0666, device) != 0) fail("mknod", kNodes[i].path);
  }
  for (size_t i = 0; i < sizeof kLinks / sizeof *kLinks; i++) {
    if (symlink(kLinks[i][0], kLinks[i][1]) != 0) fail("symlink", kLinks[i][1]);
  }
  make_directory("/dev/pts");
  make_directory("/dev/shm");
  make_directory("/dev/mqueue");
  attach("devpts", "/dev/pts", kNoSuid | kNoExec, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  attach("tmpfs", "/dev/shm", kPlain, "mode=1777,size=65536k");
  attach("mqueue", "/dev/mqueue", kPlain, NULL);
}

// On v1 what Docker and crun show: a read-only tmpfs with every hierarchy in it, each from the
// root of the container's own cgroup namespace.
static void mount_cgroups(const struct floor* floor) {
  const struct cgroups* all = &floor->cgroups;
  if (all->v1_count == 0 || !floor->options.all_cgroups) {
    attach("cgroup2", "/sys/fs/cgroup", kReadOnly | kPlain, NULL);
    return;
  }
  attach("tmpfs", "/sys/fs/cgroup", kPlain, "mode=755");
  char path[16 + kNameSize];
  for (int i = 0; i < all->v1_count; i++) {
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup/%s", all->v1[i].name);
    make_directory(path);
    attach("cgroup", path, kReadOnly | kPlain, all->v1[i].controllers);
  }
  if (all->unified.root_fd >= 0) {
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup/%s", all->unified.name);
    make_directory(path);
    attach("cgroup2", path, kReadOnly | kPlain, NULL);
  }
  attach(NULL, "/sys/fs/cgroup", kRemount | kBind | kReadOnly | kPlain, NULL);
}

static void mask(void) {
  static const char* const kFiles[] = {
      "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug"};
  static const char* const kDirectories[] = {
      "/sys/firmware", "/proc/scsi", "/proc/acpi", "/proc/asound"};
  for (size_t i = 0; i < sizeof kFiles / sizeof *kFiles; i++) {
    if (access(kFiles[i], F_OK) != 0) continue;
    if (mount("/dev/null", kFiles[i], NULL, kBind, NULL) != 0) fail("mask", kFiles[i]);
  }
  // One empty read-only tmpfs covers all of them.
  const char* cover = NULL;
  for (size_t i = 0; i < sizeof kDirectories / sizeof *kDirectories; i++) {
    if (access(kDirectories[i], F_OK) != 0) continue;
    if (cover == NULL) {
      cover = kDirectories[i];
      attach("tmpfs", cover, kReadOnly | kPlain, "mode=555,nr_inodes=1");
    } else if (mount(cover, kDirectories[i], NULL, kBind, NULL) != 0) {
      fail("mask", kDirectories[i]);
    }
  }
}

static void make_read_only(void) {
  static const char* const kPaths[] = {
      "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  for (size_t i = 0; i < sizeof kPaths / sizeof *kPaths; i++) {
    const int fd =
        (int)syscall(SYS_open_tree, AT_FDCWD, kPaths[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0 && access(kPaths[i], F_OK) != 0) continue;
    if (fd < 0) fail("open_tree", kPaths[i]);
    if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &read_only, sizeof read_only) != 0 ||
        syscall(SYS_move_mount, fd, "", AT_FDCWD, kPaths[i], MOVE_MOUNT_F_EMPTY_PATH) != 0) {
      fail("make read-only", kPaths[i]);
    }
    close(fd);
  }
}

static void drop_privileges(const struct floor* floor) {
  const uint64_t kept = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER |
                        1U << CAP_FSETID | 1U << CAP_KILL | 1U << CAP_SETGID | 1U << CAP_SETUID |
                        1U << CAP_SETPCAP | 1U << CAP_NET_BIND_SERVICE | 1U << CAP_NET_RAW |
                        1U << CAP_SYS_CHROOT | 1U << CAP_MKNOD | 1U << CAP_AUDIT_WRITE |
                        1U << CAP_SETFCAP;
  for (int cap = 0; cap <= floor->last_cap; cap++) {
    if ((kept >> cap & 1) == 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) {
      fail("drop", "bounding set");
    }
  }
  // Before the capabilities go: without no_new_privs a filter needs CAP_SYS_ADMIN.
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &floor->seccomp) != 0) {
    fail("load", "seccomp profile");
  }
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  const uint32_t low = (uint32_t)kept;
  struct __user_cap_data_struct data[2] = {{.effective = low, .permitted = low}};
  if (syscall(SYS_capset, &header, data) != 0) fail("capset", "14 capabilities");
}

_Noreturn void inside_run(const struct floor* floor,
                          const char* name,
                          int overlay_fd,
                          const char* argument) {
  // A floor that is killed takes its containers along.
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  umask(0);
  cgroups_join(&floor->cgroups, name);
  // After joining: the namespace's root is where its maker is.
  if (unshare(CLONE_NEWCGROUP) != 0) fail("unshare", "cgroup namespace");
  if (floor->options.net) raise_loopback();
  enter_root(overlay_fd);
  attach("proc", "/proc", kPlain, NULL);
  attach("sysfs", "/sys", kReadOnly | kPlain, NULL);
  mount_cgroups(floor);
  make_devices();
  mask();
  make_read_only();
  if (sethostname("floor", 5) != 0) fail("sethostname", "floor");
  umask(022);
  if (setsid() < 0) fail("setsid", "container");
  drop_privileges(floor);
  (void)close_range(3, ~0U, 0);
  char* const arguments[] = {"/bin/true", (char*)argument, NULL};
  char* const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
  execve(arguments[0], arguments, environment);
  fail("exec", arguments[0]);
}
