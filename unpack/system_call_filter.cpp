// The allow-list of skerry-unpack. Everything that could open a path not below a descriptor we
// hold, start or touch a process, change a namespace or a mount, or make memory executable, kills.
#include <seccomp.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <memory>
#include <type_traits>

#include <fmt/format.h>

#include "unpack/sandbox.h"

namespace skerry::unpack {
namespace {

constexpr std::array kAllowed = {
    // Content.
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(ftruncate),
    SCMP_SYS(close),
    SCMP_SYS(syncfs),
    // Names. openat2 is what keeps them below the root; openat is refused below.
    SCMP_SYS(openat2),
    SCMP_SYS(mkdirat),
    SCMP_SYS(mknodat),
    SCMP_SYS(linkat),
    SCMP_SYS(symlinkat),
    SCMP_SYS(readlinkat),
    SCMP_SYS(unlinkat),
    SCMP_SYS(renameat2),
    SCMP_SYS(getdents64),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstat),
    SCMP_SYS(statx),
    SCMP_SYS(fstatfs),
    // Metadata.
    SCMP_SYS(fchown),
    SCMP_SYS(fchownat),
    SCMP_SYS(fchmod),
    SCMP_SYS(utimensat),
    SCMP_SYS(fsetxattr),
    SCMP_SYS(fgetxattr),
    SCMP_SYS(flistxattr),
    // The C library.
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(fcntl),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getpid),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

struct FilterRelease {
  void operator()(void* context) const { ::seccomp_release(context); }
};

}  // namespace

Result<> load_system_call_filter() {
  const std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, FilterRelease> filter(
      ::seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (filter == nullptr) return Error::from_errno(ENOMEM, "make system call filter");
  int failed = 0;
  const auto note = [&failed](int code) {
    if (code < 0 && failed == 0) failed = -code;
  };
  for (const int call : kAllowed) note(::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0));
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    note(::seccomp_rule_add(
        filter.get(), SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
  }
  // The C library looks for locale and character set files when it pleases. There are none here,
  // and it lives with that; loading them from a hostile tree was CVE-2019-14271.
  for (const int call : {SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(access), SCMP_SYS(readlink)})
    note(::seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EACCES), call, 0));
  note(::seccomp_load(filter.get()));
  if (failed != 0) return Error::from_errno(failed, "load system call filter");
  return {};
}

}  // namespace skerry::unpack
