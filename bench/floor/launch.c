#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.h"

// <sys/mount.h> and <linux/mount.h> cannot be included together; the second has fsconfig's enum.
extern int mount(const char*, const char*, const char*, unsigned long, const void*);
extern int umount2(const char*, int);

enum { kReadOnly = 1, kRecursive = 16384, kPrivate = 1 << 18, kDetach = 2 };

static int detached_copy(const char* path) {
  const int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (fd < 0) fail("open_tree", path);
  // fsconfig before 6.15 takes no O_PATH descriptor.
  const int readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (readable < 0) fail("open", path);
  // Its descriptor keeps a detached mount from being dissolved, so it stays open.
  return readable;
}

void launch_prepare(struct floor* floor) {
  floor->lower_fd = detached_copy(floor->options.lower);
  floor->scratch_fd = detached_copy(floor->options.scratch);
  if (syscall(SYS_unshare, CLONE_NEWNS) != 0) fail("unshare", "mount namespace");
  if (mount(NULL, "/", NULL, kRecursive | kPrivate, NULL) != 0) fail("make private", "/");
  if (mount("tmpfs", "/tmp", "tmpfs", kReadOnly, "mode=555,nr_inodes=1") != 0) {
    fail("mount", "empty root");
  }
  if (chdir("/tmp") != 0 || syscall(SYS_pivot_root, ".", ".") != 0)
    fail("pivot_root", "empty root");
  if (umount2(".", kDetach) != 0 || chdir("/") != 0) fail("umount", "old root");
}

static void configure(int fs, unsigned command, const char* key, const void* value, int aux) {
  if (syscall(SYS_fsconfig, fs, command, key, value, aux) != 0) {
    fail("fsconfig overlay", key != NULL ? key : "create");
  }
}

static int open_directory(int parent, const char* path) {
  const int fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("open", path);
  return fd;
}

// Makes NAME/u and NAME/w in scratch and answers with a detached overlay mount.
static int make_overlay(const struct floor* floor, const char* name) {
  if (mkdirat(floor->scratch_fd, name, 0700) != 0) fail("mkdir", name);
  const int own = open_directory(floor->scratch_fd, name);
  if (mkdirat(own, "u", 0755) != 0 || mkdirat(own, "w", 0755) != 0) fail("mkdir upper", name);
  const int upper = open_directory(own, "u");
  const int work = open_directory(own, "w");
  const int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
  if (fs < 0) fail("fsopen", "overlay");
  configure(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, floor->lower_fd);
  configure(fs, FSCONFIG_SET_FD, "upperdir", NULL, upper);
  configure(fs, FSCONFIG_SET_FD, "workdir", NULL, work);
  // Else the exit would sync the whole file system under the upper layer.
  configure(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
  configure(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
  const int overlay = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
  if (overlay < 0) fail("fsmount", "overlay");
  close(fs);
  close(work);
  close(upper);
  close(own);
  return overlay;
}

void launch_start(const struct floor* floor, struct container* container, const char* argument) {
  const int overlay = make_overlay(floor, container->name);
  const int cgroup = cgroups_make(&floor->cgroups, container->name);
  struct clone_args args = {
      .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS,
      .exit_signal = SIGCHLD,
  };
  if (floor->options.net) args.flags |= CLONE_NEWNET;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (__u64)cgroup;
  }
  const pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) fail("clone3", container->name);
  if (pid == 0) inside_run(floor, container->name, overlay, argument);
  container->pid = pid;
  // An overlay descriptor that stays open would keep the upper layer in use.
  close(overlay);
  if (cgroup >= 0) close(cgroup);
}

int launch_wait(const struct container* container) {
  int status = 0;
  while (waitpid(container->pid, &status, 0) < 0) {
    if (errno != EINTR) fail("wait", container->name);
  }
  return status;
}

void launch_undo(const struct floor* floor, const struct container* container) {
  // The files overlay itself made in the work directory, innermost first, and then ours.
  static const char* const kLeft[] = {
      "w/work/incompat/volatile", "w/work/incompat", "w/work", "w", "u"};
  cgroups_remove(&floor->cgroups, container->name);
  const int own = open_directory(floor->scratch_fd, container->name);
  if (unlinkat(own, "w/work/incompat/volatile/dirty", 0) != 0) fail("unlink", container->name);
  for (size_t i = 0; i < sizeof kLeft / sizeof *kLeft; i++) {
    if (unlinkat(own, kLeft[i], AT_REMOVEDIR) != 0) fail("rmdir", kLeft[i]);
  }
  close(own);
  if (unlinkat(floor->scratch_fd, container->name, AT_REMOVEDIR) != 0)
    fail("rmdir", container->name);
}
