#include "os/syscalls.h"

#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace skerry::os::sys {

int openat2(int dirfd, const char* path, const open_how& how) {
  return static_cast<int>(::syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
}

pid_t clone3(const CloneArgs& args) {
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof(args)));
}

// The child must not return through our frame, which it may share with the parent, so it goes from
// the system call straight to its own stack.
pid_t clone3_call(const CloneArgs& args, int (*body)(void*), void* argument) {
  long result = 0;  // NOLINT(misc-const-correctness): written by the assembler below.
#if defined(__x86_64__)
  asm volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xorl %%ebp, %%ebp\n\t"
      "movq %[argument], %%rdi\n\t"
      "callq *%[body]\n\t"
      "movl %%eax, %%edi\n\t"
      "movl %[exit_group], %%eax\n\t"
      "syscall\n\t"
      "hlt\n"
      "1:\n\t"
      : "=a"(result)
      : "a"(static_cast<long>(SYS_clone3)),
        "D"(&args),
        "S"(sizeof(args)),
        [body] "r"(body),
        [argument] "r"(argument),
        [exit_group] "i"(SYS_exit_group)
      : "rcx", "r11", "cc", "memory");
#elif defined(__aarch64__)
  register long x0 asm("x0") = reinterpret_cast<long>(&args);
  register long x1 asm("x1") = sizeof(args);
  register long x8 asm("x8") = SYS_clone3;
  asm volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, #0\n\t"
      "mov x0, %[argument]\n\t"
      "blr %[body]\n\t"
      "mov x8, %[exit_group]\n\t"
      "svc #0\n\t"
      "brk #1\n"
      "1:\n\t"
      : "+r"(x0)
      : "r"(x1),
        "r"(x8),
        [body] "r"(body),
        [argument] "r"(argument),
        [exit_group] "i"(SYS_exit_group)
      : "cc", "memory");
  result = x0;
#else
#error "clone3_call is written for x86-64 and aarch64"
#endif
  if (result < 0) {
    errno = static_cast<int>(-result);
    return -1;
  }
  return static_cast<pid_t>(result);
}

int pivot_root(const char* new_root, const char* put_old) {
  return static_cast<int>(::syscall(SYS_pivot_root, new_root, put_old));
}

int pidfd_open(pid_t pid, unsigned flags) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, flags));
}

int pidfd_send_signal(int pidfd, int signal) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

int pidfd_getfd(int pidfd, int fd) {
  return static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}

int pidfd_get_info(int pidfd, PidfdInfo& info) {
  // 0xFF is PIDFS_IOCTL_MAGIC; bookworm's headers end before it.
  constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);
  return ::ioctl(pidfd, kGetInfo, &info);
}

namespace {

constexpr std::uint64_t kLowHalf = 0xFFFFFFFFULL;

__user_cap_data_struct half_of(const CapabilitySets& sets, unsigned shift) {
  return {.effective = static_cast<std::uint32_t>((sets.effective >> shift) & kLowHalf),
          .permitted = static_cast<std::uint32_t>((sets.permitted >> shift) & kLowHalf),
          .inheritable = static_cast<std::uint32_t>((sets.inheritable >> shift) & kLowHalf)};
}

std::uint64_t join_halves(std::uint32_t low, std::uint32_t high) {
  return (static_cast<std::uint64_t>(high) << 32U) | low;
}

}  // namespace

int capget(CapabilitySets& sets) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  const auto result = static_cast<int>(::syscall(SYS_capget, &header, data.data()));
  if (result != 0) return result;
  sets.effective = join_halves(data[0].effective, data[1].effective);
  sets.permitted = join_halves(data[0].permitted, data[1].permitted);
  sets.inheritable = join_halves(data[0].inheritable, data[1].inheritable);
  return 0;
}

int capset(const CapabilitySets& sets) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const std::array<__user_cap_data_struct, 2> data = {half_of(sets, 0), half_of(sets, 32)};
  return static_cast<int>(::syscall(SYS_capset, &header, data.data()));
}

int bpf(int command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof(attributes)));
}

int seccomp(unsigned operation, unsigned flags, void* arguments) {
  return static_cast<int>(::syscall(SYS_seccomp, operation, flags, arguments));
}

int join_new_session_keyring() {
  return static_cast<int>(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr));
}

}  // namespace skerry::os::sys
