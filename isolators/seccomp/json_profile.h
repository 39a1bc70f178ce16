// Profiles that users bring: Docker's JSON format, read into a value and compiled by libseccomp.
//
//   {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
//    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
//    "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}}]}
//
// A profile is done whole or refused: keys, actions and comparisons that are not known here are
// errors. Only names of system calls may be unknown, as profiles name those of every processor.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sock_filter;

namespace skerry::isolators::seccomp {

/// Bytes of a profile's text.
constexpr std::size_t kMaxProfileBytes = std::size_t{1} << 20U;
/// Names of system calls in a profile, counted with repetitions.
constexpr std::size_t kMaxProfileNames = 4096;

enum class ActionKind : std::uint8_t { kAllow, kErrno, kKillThread, kKillProcess, kTrap, kLog };

struct Action {
  ActionKind kind = ActionKind::kErrno;
  std::uint16_t error = 0;  ///< errno value of kErrno, 0 of the others
  bool operator==(const Action&) const = default;
};

enum class Comparison : std::uint8_t {
  kNotEqual,
  kLess,
  kLessOrEqual,
  kEqual,
  kGreaterOrEqual,
  kGreater,
  kMaskedEqual,  ///< (argument & value) == value_two
};

struct ArgumentCheck {
  std::uint32_t index = 0;  ///< 0 to 5
  Comparison comparison = Comparison::kEqual;
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;  ///< of kMaskedEqual
  bool operator==(const ArgumentCheck&) const = default;
};

struct KernelVersion {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
};

/// When a rule counts. What is empty is not asked.
struct Conditions {
  std::vector<int> capabilities;           ///< numbers
  std::vector<std::string> architectures;  ///< in Docker's words: "amd64"
  std::optional<KernelVersion> min_kernel;
  bool operator==(const Conditions&) const = default;
};

struct Rule {
  std::vector<std::string> names;
  Action action;
  /// All of them have to hold; of several about one argument any one, as in Docker.
  std::vector<ArgumentCheck> checks;
  Conditions includes;  ///< it counts only where all of these hold
  Conditions excludes;  ///< it does not count where any of these holds
  bool operator==(const Rule&) const = default;
};

/// An architecture of the host, and those whose calls are filtered with it. "SCMP_ARCH_X86_64" …
struct ArchitectureGroup {
  std::string architecture;
  std::vector<std::string> sub_architectures;
  bool operator==(const ArchitectureGroup&) const = default;
};

struct JsonProfile {
  Action default_action;
  /// The flat list of old profiles; empty where `groups` is not.
  std::vector<std::string> architectures;
  std::vector<ArchitectureGroup> groups;
  std::vector<Rule> rules;
  bool operator==(const JsonProfile&) const = default;
};

/// Errors: INVALID_ARGUMENT, reason SECCOMP_PROFILE_INVALID, naming what is wrong and where
/// ("syscalls[3].args[0].op"). Throws nothing. Blocks: never. Thread: any.
Result<JsonProfile> parse_profile(std::string_view text);

/// What a profile's conditions are about.
struct Surroundings {
  std::uint64_t capabilities = 0;  ///< the container's bounding set
  KernelVersion kernel;
};

/// Of the running kernel. Errors: INTERNAL.
Result<KernelVersion> running_kernel();

/// The program for this host's processor. The native architecture is always in it; those no kernel
/// of this processor can run are left out, calls by what is not in it kill the process. A rule
/// whose action is the default one adds nothing, a system call that libseccomp has no number for is
/// skipped. Errors: INVALID_ARGUMENT, reason SECCOMP_PROFILE_INVALID, for rules that contradict
/// each other and programs longer than the kernel takes. Blocks: never; some milliseconds of work.
/// Thread: one at a time (libseccomp finds out about the kernel without a lock).
Result<std::vector<sock_filter>> compile(const JsonProfile& profile, const Surroundings& around);

/// INVALID_ARGUMENT, reason SECCOMP_PROFILE_INVALID: `seccomp profile: <where>: <what>`.
Error profile_error(std::string_view where, std::string_view what);

}  // namespace skerry::isolators::seccomp
