// The default profile: its program run through an interpreter for every call, then loaded for real.
#include "isolators/seccomp/seccomp.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "fixtures.h"
#include "isolators/capabilities/names.h"
#include "isolators/seccomp/compiler.h"
#include "seccomp_child.h"

namespace skerry::isolators {
namespace {

using test::in_filtered_child;
using test::planned_program;
using test::Prepared;
using test::sample_config;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t kMalformed = 0x12345678;

/// What the kernel would do with the program, for the instructions the compiler uses.
std::uint32_t interpret(const std::vector<sock_filter>& program, const seccomp_data& data) {
  std::uint32_t a = 0;
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& op = program[pc];
    bool taken = false;
    switch (op.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (op.k + sizeof(a) > sizeof(data)) return kMalformed;
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + op.k, sizeof(a));
        continue;
      case BPF_RET | BPF_K:
        return op.k;
      case BPF_JMP | BPF_JA:
        pc += op.k;
        continue;
      case BPF_JMP | BPF_JEQ | BPF_K:
        taken = a == op.k;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        taken = a >= op.k;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        taken = (a & op.k) != 0;
        break;
      default:
        return kMalformed;
    }
    pc += taken ? op.jt : op.jf;
  }
  return kMalformed;
}

class Profile : public ::testing::Test {
 protected:
  std::vector<sock_filter> program(std::uint64_t capabilities) const {
    return seccomp::compile(profile_.sections(capabilities));
  }
  static std::uint32_t call(const std::vector<sock_filter>& program,
                            std::uint32_t arch,
                            long number,
                            std::uint64_t argument = 0) {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = arch;
    data.args[0] = argument;
    return interpret(program, data);
  }
  seccomp::DefaultProfile profile_ = seccomp::DefaultProfile::make().value();
};

TEST_F(Profile, ProgramSaysForEveryCallWhatTheVerdictsSay) {
  for (const std::uint64_t capabilities :
       {std::uint64_t{0}, kDefaultCapabilities, ~std::uint64_t{0}}) {
    const auto sections = profile_.sections(capabilities);
    const auto compiled = seccomp::compile(sections);
    for (const auto& section : sections) {
      for (std::uint32_t number = 0; number < 2000; ++number) {
        const auto found = section.verdicts.find(number);
        std::uint32_t expected = number <= seccomp::kNewestKnown ? kEperm : kEnosys;
        if (found != section.verdicts.end()) {
          // The checked ones are asked with an argument that is fine.
          expected = found->second == seccomp::Verdict::kNotThere ? kEnosys
                     : found->second == seccomp::Verdict::kRefuse ? kEperm
                                                                  : kAllow;
        }
        ASSERT_EQ(call(compiled, section.audit_arch, number), expected) << number;
      }
    }
  }
}

TEST_F(Profile, NativeAndCompatSectionsAreThere) {
  const auto sections = profile_.sections(kDefaultCapabilities);
  ASSERT_EQ(sections.size(), 2U);
  for (const auto& section : sections) EXPECT_GT(section.verdicts.size(), 250U);
}

TEST_F(Profile, UnknownArchitectureIsKilled) {
  EXPECT_EQ(call(program(0), AUDIT_ARCH_S390X, 1), SECCOMP_RET_KILL_PROCESS);
}

TEST_F(Profile, IsShort) { EXPECT_LT(program(kDefaultCapabilities).size(), 400U); }

#if defined(__x86_64__)
TEST_F(Profile, RefusesWhatLeadsOut) {
  const auto compiled = program(kDefaultCapabilities);
  for (const long number : {SYS_mount,
                            SYS_umount2,
                            SYS_unshare,
                            SYS_setns,
                            SYS_bpf,
                            SYS_keyctl,
                            SYS_add_key,
                            SYS_kexec_load,
                            SYS_init_module,
                            SYS_reboot,
                            SYS_swapon,
                            SYS_open_by_handle_at,
                            SYS_perf_event_open,
                            SYS_io_uring_setup,
                            SYS_userfaultfd,
                            SYS_pivot_root,
                            SYS_move_mount,
                            SYS_acct}) {
    EXPECT_EQ(call(compiled, AUDIT_ARCH_X86_64, number), kEperm) << number;
  }
  for (const long number : {SYS_read,
                            SYS_execve,
                            SYS_openat2,
                            SYS_setresuid,
                            SYS_setgroups,
                            SYS_capset,
                            SYS_prctl,
                            SYS_chdir,
                            SYS_close_range,
                            SYS_chroot}) {
    EXPECT_EQ(call(compiled, AUDIT_ARCH_X86_64, number), kAllow) << number;
  }
  EXPECT_EQ(call(compiled, AUDIT_ARCH_X86_64, SYS_clone3), kEnosys);
}

TEST_F(Profile, CapabilitiesOpenTheirGroups) {
  const auto sys_admin = program(kDefaultCapabilities | capability_bit(CAP_SYS_ADMIN));
  for (const long number : {SYS_mount, SYS_unshare, SYS_clone3, SYS_bpf}) {
    EXPECT_EQ(call(sys_admin, AUDIT_ARCH_X86_64, number), kAllow) << number;
  }
  EXPECT_EQ(call(sys_admin, AUDIT_ARCH_X86_64, SYS_clone, CLONE_NEWUSER), kAllow);
  EXPECT_EQ(call(sys_admin, AUDIT_ARCH_X86_64, SYS_reboot), kEperm);
  EXPECT_EQ(call(program(0), AUDIT_ARCH_X86_64, SYS_chroot), kEperm);
  EXPECT_EQ(call(program(capability_bit(CAP_SYS_TIME)), AUDIT_ARCH_X86_64, SYS_settimeofday),
            kAllow);
}

TEST_F(Profile, ChecksArguments) {
  const auto compiled = program(kDefaultCapabilities);
  const auto ask = [&](long number, std::uint64_t argument) {
    return call(compiled, AUDIT_ARCH_X86_64, number, argument);
  };
  EXPECT_EQ(ask(SYS_personality, 0), kAllow);
  EXPECT_EQ(ask(SYS_personality, 0x20008), kAllow);
  EXPECT_EQ(ask(SYS_personality, 0xffffffff), kAllow);
  EXPECT_EQ(ask(SYS_personality, ADDR_NO_RANDOMIZE), kEperm);
  EXPECT_EQ(ask(SYS_clone, CLONE_VM | CLONE_THREAD | SIGCHLD), kAllow);
  for (const int flag : {CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWCGROUP}) {
    EXPECT_EQ(ask(SYS_clone, static_cast<std::uint64_t>(flag | SIGCHLD)), kEperm);
  }
  EXPECT_EQ(ask(SYS_socket, AF_INET), kAllow);
  EXPECT_EQ(ask(SYS_socket, AF_VSOCK), kEperm);
  // The kernel looks at an int: the upper half must not make a difference.
  EXPECT_EQ(ask(SYS_socket, 0x1'0000'0000ULL | AF_VSOCK), kEperm);
}

TEST_F(Profile, X32CallsAreNotThere) {
  EXPECT_EQ(call(program(~0ULL), AUDIT_ARCH_X86_64, 0x40000000 | SYS_read), kEnosys);
}

TEST_F(Profile, Compat) {
  const auto compiled = program(kDefaultCapabilities);
  constexpr long kI386Mount = 21;
  constexpr long kI386Write = 4;
  constexpr long kI386Clone = 120;
  EXPECT_EQ(call(compiled, AUDIT_ARCH_I386, kI386Mount), kEperm);
  EXPECT_EQ(call(compiled, AUDIT_ARCH_I386, kI386Write), kAllow);
  EXPECT_EQ(call(compiled, AUDIT_ARCH_I386, kI386Clone, CLONE_NEWUSER), kEperm);
}
#endif

TEST(SeccompProgram, KernelTakesItAndRefusesWithIt) {
  const int failed = in_filtered_child(planned_program(sample_config()), [] {
    if (::unshare(CLONE_NEWUSER) == 0 || errno != EPERM) return 1;
    if (::syscall(SYS_clone3, nullptr, 0) != -1 || errno != ENOSYS) return 2;
    if (::syscall(SYS_keyctl, 0, 0) != -1 || errno != EPERM) return 3;
    if (::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0) != -1 || errno != EPERM) return 4;
    if (::syscall(1000) != -1 || errno != ENOSYS) return 5;
    if (::personality(ADDR_NO_RANDOMIZE) != -1 || errno != EPERM) return 6;
    return 0;
  });
  EXPECT_EQ(failed, 0);
}

TEST(SeccompProgram, OrdinaryProgramsRunUnderIt) {
  const int status = in_filtered_child(planned_program(sample_config()), [] {
    ::execl("/bin/sh", "sh", "-c", "ls / >/dev/null && (exit 7)", nullptr);
    return 99;
  });
  EXPECT_EQ(status, 7);
}

TEST(Seccomp, ComesLateOnlyUnderNoNewPrivs) {
  auto config = sample_config();
  const auto order = [&] {
    Prepared prepared;
    prepared.builder.add(Phase::kIdentity, plan::SetIds{});
    EXPECT_TRUE(prepared.run(*make_seccomp_isolator(CAP_CHECKPOINT_RESTORE).value(), config));
    return prepared.operations();
  };
  EXPECT_EQ(order(), (std::vector<std::string>{"load seccomp filter", "set user 0:0"}));
  config.no_new_privs = true;
  EXPECT_EQ(order(), (std::vector<std::string>{"set user 0:0", "load seccomp filter"}));
  config.seccomp = SeccompMode::kUnconfined;
  EXPECT_EQ(order(), (std::vector<std::string>{"set user 0:0"}));
}

TEST(Seccomp, NeedsFiltersOnlyWhenWanted) {
  auto host = test::sample_host();
  host.seccomp_filter = false;
  auto config = sample_config();
  const auto isolator = make_seccomp_isolator(CAP_CHECKPOINT_RESTORE).value();
  EXPECT_EQ(test::verdict(*isolator, config, host), "FAILED_PRECONDITION NO_SECCOMP");
  config.seccomp = SeccompMode::kUnconfined;
  EXPECT_EQ(test::verdict(*isolator, config, host), "ok");
}

TEST(Seccomp, SameCapabilitiesGiveTheSameProgramOthersAnother) {
  const auto isolator = make_seccomp_isolator(CAP_CHECKPOINT_RESTORE).value();
  const auto program = [&](std::vector<std::string> add) {
    auto config = sample_config();
    config.capabilities_add = std::move(add);
    Prepared prepared;
    EXPECT_TRUE(prepared.run(*isolator, config));
    return std::get<plan::Seccomp>(prepared.builder.build().plan.operations.at(0)).program;
  };
  const auto plain = program({});
  EXPECT_NE(plain, program({"SYS_ADMIN"}));
  // More sets than the cache holds, then the first one again.
  for (const auto* name : {"SYS_TIME",
                           "SYS_BOOT",
                           "SYS_NICE",
                           "SYSLOG",
                           "BPF",
                           "PERFMON",
                           "SYS_MODULE",
                           "SYS_PTRACE",
                           "SYS_RAWIO"}) {
    EXPECT_NE(program({name}), plain) << name;
  }
  EXPECT_EQ(program({}), plain);
}

}  // namespace
}  // namespace skerry::isolators
