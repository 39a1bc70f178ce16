#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

static const char* const kAllowed[] = {
#include "syscalls.inc"
};

static void check(int result, const char* step) {
  if (result < 0) {
    errno = -result;
    fail(step, "seccomp profile");
  }
}

static void allow_names(scmp_filter_ctx context) {
  for (size_t i = 0; i < sizeof kAllowed / sizeof *kAllowed; i++) {
    const int number = seccomp_syscall_resolve_name(kAllowed[i]);
    // Calls newer than libseccomp, and those this architecture never had.
    if (number == __NR_SCMP_ERROR || number < 0) continue;
    check(seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0), "seccomp_rule_add");
  }
}

// The rules with arguments, as in Docker's profile.
static void allow_by_argument(scmp_filter_ctx context) {
  static const unsigned kPersonalities[] = {0x0, 0x0008, 0x20000, 0x20008, 0xffffffff};
  for (size_t i = 0; i < sizeof kPersonalities / sizeof *kPersonalities; i++) {
    check(seccomp_rule_add(context,
                           SCMP_ACT_ALLOW,
                           SCMP_SYS(personality),
                           1,
                           SCMP_A0(SCMP_CMP_EQ, kPersonalities[i])),
          "personality");
  }
  check(seccomp_rule_add(
            context, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_VSOCK)),
        "socket");
  const unsigned namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                              CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;
  check(
      seccomp_rule_add(
          context, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0)),
      "clone");
  // glibc falls back to clone, whose flags can be seen.
  check(seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), "clone3");
}

static struct sock_fprog export(scmp_filter_ctx context) {
  const int fd = memfd_create("profile", MFD_CLOEXEC);
  if (fd < 0) fail("memfd_create", "seccomp profile");
  check(seccomp_export_bpf(context, fd), "seccomp_export_bpf");
  const off_t size = lseek(fd, 0, SEEK_END);
  struct sock_filter* filter = malloc((size_t)size);
  if (filter == NULL || pread(fd, filter, (size_t)size, 0) != size) {
    fail("read", "seccomp profile");
  }
  close(fd);
  return (struct sock_fprog){.len = (unsigned short)((size_t)size / sizeof *filter),
                             .filter = filter};
}

struct sock_fprog profile_build(void) {
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (context == NULL) fail("seccomp_init", "seccomp profile");
  check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
  allow_names(context);
  allow_by_argument(context);
  const struct sock_fprog program = export(context);
  seccomp_release(context);
  return program;
}
