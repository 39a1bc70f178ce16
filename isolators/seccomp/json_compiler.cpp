#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <span>
#include <string>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "isolators/capabilities/names.h"
#include "isolators/seccomp/json_profile.h"

namespace skerry::isolators::seccomp {
namespace {

constexpr std::size_t kArguments = 6;
/// Level of libseccomp's optimization: a binary tree over the numbers.
constexpr std::uint32_t kBinaryTree = 2;

using Context = std::unique_ptr<void, decltype(&::seccomp_release)>;

/// What one kernel can run: the others' calls cannot come, so they need no filter.
struct Architecture {
  std::uint32_t native;
  std::uint32_t token;
  std::string_view name;
  std::string_view docker_name;
};
constexpr auto kArchitectures = std::to_array<Architecture>({
    {SCMP_ARCH_X86_64, SCMP_ARCH_X86_64, "SCMP_ARCH_X86_64", "amd64"},
    {SCMP_ARCH_X86_64, SCMP_ARCH_X86, "SCMP_ARCH_X86", "x86"},
    {SCMP_ARCH_X86_64, SCMP_ARCH_X32, "SCMP_ARCH_X32", "x32"},
    {SCMP_ARCH_AARCH64, SCMP_ARCH_AARCH64, "SCMP_ARCH_AARCH64", "arm64"},
    {SCMP_ARCH_AARCH64, SCMP_ARCH_ARM, "SCMP_ARCH_ARM", "arm"},
});

Result<const Architecture*> native_architecture() {
  const std::uint32_t token = ::seccomp_arch_native();
  const auto found = std::ranges::find_if(kArchitectures, [&](const auto& arch) {
    return arch.native == token && arch.token == token;
  });
  if (found != kArchitectures.end()) return &*found;
  return Error(Code::kFailedPrecondition, "seccomp: no profiles for this processor")
      .with_reason("ARCHITECTURE_UNSUPPORTED");
}

// --- which rules count ------------------------------------------------------------------------

bool includes(const Conditions& asked, const Surroundings& around, std::string_view arch) {
  const auto has = [&](int number) { return (around.capabilities & capability_bit(number)) != 0; };
  if (!std::ranges::all_of(asked.capabilities, has)) return false;
  if (asked.min_kernel && around.kernel < *asked.min_kernel) return false;
  return asked.architectures.empty() ||
         std::ranges::find(asked.architectures, arch) != asked.architectures.end();
}

bool excludes(const Conditions& asked, const Surroundings& around, std::string_view arch) {
  const auto has = [&](int number) { return (around.capabilities & capability_bit(number)) != 0; };
  if (std::ranges::any_of(asked.capabilities, has)) return true;
  if (asked.min_kernel && around.kernel >= *asked.min_kernel) return true;
  return std::ranges::find(asked.architectures, arch) != asked.architectures.end();
}

// --- in libseccomp's words --------------------------------------------------------------------

std::uint32_t libseccomp_action(const Action& action) {
  switch (action.kind) {
    case ActionKind::kAllow:
      return SCMP_ACT_ALLOW;
    case ActionKind::kErrno:
      return SCMP_ACT_ERRNO(action.error);
    case ActionKind::kKillThread:
      return SCMP_ACT_KILL_THREAD;
    case ActionKind::kKillProcess:
      return SCMP_ACT_KILL_PROCESS;
    case ActionKind::kTrap:
      return SCMP_ACT_TRAP;
    case ActionKind::kLog:
      return SCMP_ACT_LOG;
  }
  return SCMP_ACT_KILL_PROCESS;
}

scmp_arg_cmp libseccomp_check(const ArgumentCheck& check) {
  constexpr auto kOperators = std::to_array<scmp_compare>({SCMP_CMP_NE,
                                                           SCMP_CMP_LT,
                                                           SCMP_CMP_LE,
                                                           SCMP_CMP_EQ,
                                                           SCMP_CMP_GE,
                                                           SCMP_CMP_GT,
                                                           SCMP_CMP_MASKED_EQ});
  return {.arg = check.index,
          .op = kOperators.at(static_cast<std::size_t>(check.comparison)),
          .datum_a = check.value,
          .datum_b = check.value_two};
}

/// libseccomp compares an argument once in a rule.
bool repeats_an_argument(const std::vector<ArgumentCheck>& checks) {
  std::array<bool, kArguments> seen{};
  return std::ranges::any_of(checks, [&](const ArgumentCheck& check) {
    return std::exchange(seen.at(check.index), true);
  });
}

Result<> add_call(scmp_filter_ctx filter,
                  const std::string& name,
                  std::uint32_t action,
                  std::span<const scmp_arg_cmp> checks) {
  const int number = ::seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) return {};
  const int failed = ::seccomp_rule_add_array(
      filter, action, number, static_cast<unsigned>(checks.size()), checks.data());
  if (failed == 0) return {};
  if (failed == -ENOMEM) return Error::from_errno(ENOMEM, "compile seccomp profile");
  // An argument that 32-bit calls cannot hold, a contradiction.
  return profile_error(fmt::format("rule for \"{}\"", name), errno_text(-failed));
}

Result<> add_rule(scmp_filter_ctx filter, const Rule& rule) {
  std::vector<scmp_arg_cmp> checks;
  for (const ArgumentCheck& check : rule.checks) checks.push_back(libseccomp_check(check));
  const std::uint32_t action = libseccomp_action(rule.action);
  for (const std::string& name : rule.names) {
    if (!repeats_an_argument(rule.checks)) {
      TRY(add_call(filter, name, action, checks));
      continue;
    }
    for (const scmp_arg_cmp& check : checks) TRY(add_call(filter, name, action, {&check, 1}));
  }
  return {};
}

Result<> add_architectures(scmp_filter_ctx filter,
                           const JsonProfile& profile,
                           const Architecture& native) {
  std::vector<std::string> wanted = profile.architectures;
  for (const ArchitectureGroup& group : profile.groups) {
    if (group.architecture == native.name) {
      wanted.insert(wanted.end(), group.sub_architectures.begin(), group.sub_architectures.end());
    }
  }
  for (const Architecture& arch : kArchitectures) {
    if (arch.native != native.token || arch.token == native.token) continue;
    if (std::ranges::find(wanted, arch.name) == wanted.end()) continue;
    if (const int failed = ::seccomp_arch_add(filter, arch.token); failed != 0) {
      return Error::from_errno(-failed, fmt::format("add {} to seccomp filter", arch.name));
    }
  }
  return {};
}

Result<std::vector<sock_filter>> export_program(scmp_filter_ctx filter) {
  const UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return Error::from_errno(errno, "memfd_create for seccomp filter");
  if (const int failed = ::seccomp_export_bpf(filter, file.get()); failed != 0) {
    return Error::from_errno(-failed, "export seccomp filter");
  }
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size < 0) return Error::from_errno(errno, "size of seccomp filter");
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (program.size() > BPF_MAXINSNS) {
    return profile_error("",
                         fmt::format("makes a program of {} instructions, the kernel takes {}",
                                     program.size(),
                                     BPF_MAXINSNS));
  }
  const std::size_t bytes = program.size() * sizeof(sock_filter);
  const ssize_t count = ::pread(file.get(), program.data(), bytes, 0);
  if (count < 0) return Error::from_errno(errno, "read seccomp filter");
  if (static_cast<std::size_t>(count) != bytes) {
    return Error(Code::kInternal, "read seccomp filter: it is cut short");
  }
  return program;
}

}  // namespace

Result<KernelVersion> running_kernel() {
  utsname names{};
  if (::uname(&names) != 0) return Error::from_errno(errno, "uname");
  const std::string_view release = names.release;
  const char* const end = release.data() + release.size();
  KernelVersion version;
  const auto major = std::from_chars(release.data(), end, version.major);
  if (major.ec == std::errc() && major.ptr != end && *major.ptr == '.' &&
      std::from_chars(major.ptr + 1, end, version.minor).ec == std::errc()) {
    return version;
  }
  return Error(Code::kInternal, fmt::format("kernel release \"{}\" is no version", release));
}

Result<std::vector<sock_filter>> compile(const JsonProfile& profile, const Surroundings& around) {
  TRY_ASSIGN(const Architecture* native, native_architecture());
  const Context filter(::seccomp_init(libseccomp_action(profile.default_action)),
                       &::seccomp_release);
  if (!filter) return Error(Code::kInternal, "seccomp_init: this kernel lacks the default action");
  if (::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
      ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, kBinaryTree) != 0) {
    return Error(Code::kInternal, "seccomp_attr_set failed");
  }
  TRY(add_architectures(filter.get(), profile, *native));
  for (const Rule& rule : profile.rules) {
    if (rule.action == profile.default_action) continue;
    if (!includes(rule.includes, around, native->docker_name)) continue;
    if (excludes(rule.excludes, around, native->docker_name)) continue;
    TRY(add_rule(filter.get(), rule));
  }
  return export_program(filter.get());
}

}  // namespace skerry::isolators::seccomp
