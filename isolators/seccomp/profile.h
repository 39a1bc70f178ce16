// The default profile: which system calls a container may make. An allow-list with the same effect
// as Docker's: what is not in it fails with EPERM, or with ENOSYS where a C library then falls back
// to something older. Some groups open with a capability of the container.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace skerry::isolators::seccomp {

/// What is asked of an argument before the call is allowed. Only its low 32 bits are looked at:
/// these arguments are ints to the kernel, which ignores the rest, so a filter that compared it
/// could be led astray.
enum class Check : std::uint8_t {
  kNone,
  kPersonality,      ///< argument 0: one of the harmless execution domains
  kNoNewNamespaces,  ///< argument 0: no CLONE_NEW* flag
  kNoVsock,          ///< argument 0: not AF_VSOCK, which talks to the hypervisor
};

/// Allowed to everybody; names that an architecture does not have are skipped.
std::span<const std::string_view> always_allowed();

struct CheckedCall {
  std::string_view name;
  Check check;
};
std::span<const CheckedCall> allowed_with_check();

/// Allowed to containers that have the capability in their bounding set.
struct CapabilityGroup {
  int capability;
  std::span<const std::string_view> names;
};
std::span<const CapabilityGroup> allowed_with_capability();

/// Newer than the libseccomp of Debian 12, allowed to everybody: from 424 on every architecture
/// has the same numbers.
std::span<const int> always_allowed_numbers();

/// The highest number this profile has an opinion about. Above it is ENOSYS: a call that was not
/// there when the profile was written must look as on an older kernel.
constexpr int kNewestKnown = 466;

/// The execution domains of Check::kPersonality: Linux, with and without UNAME26, 32-bit, and the
/// question for the current one.
std::span<const std::uint32_t> allowed_personalities();
/// The flags of Check::kNoNewNamespaces.
extern const std::uint32_t kNamespaceFlags;

}  // namespace skerry::isolators::seccomp
