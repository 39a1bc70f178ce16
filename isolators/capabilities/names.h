// Names and numbers of capabilities, and sets of them.
#pragma once

#include <linux/capability.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "isolators/container_config.h"

namespace skerry::isolators {

/// The number of "NET_ADMIN" or "CAP_NET_ADMIN"; absent for any other spelling.
std::optional<int> capability_number(std::string_view name);
/// Without "CAP_". Absent for a number this build has no name for.
std::optional<std::string_view> capability_name(int number);

constexpr std::uint64_t capability_bit(int number) { return 1ULL << static_cast<unsigned>(number); }

/// All capabilities of a kernel whose highest is `last`.
constexpr std::uint64_t all_capabilities(int last) {
  return last >= 63 ? ~0ULL : capability_bit(last + 1) - 1;
}

/// What a container has unless it asks otherwise: the 14 of Docker.
constexpr std::uint64_t kDefaultCapabilities =
    capability_bit(CAP_CHOWN) | capability_bit(CAP_DAC_OVERRIDE) | capability_bit(CAP_FOWNER) |
    capability_bit(CAP_FSETID) | capability_bit(CAP_KILL) | capability_bit(CAP_SETGID) |
    capability_bit(CAP_SETUID) | capability_bit(CAP_SETPCAP) |
    capability_bit(CAP_NET_BIND_SERVICE) | capability_bit(CAP_NET_RAW) |
    capability_bit(CAP_SYS_CHROOT) | capability_bit(CAP_MKNOD) | capability_bit(CAP_AUDIT_WRITE) |
    capability_bit(CAP_SETFCAP);

/// The bounding set the config asks for. As Docker does: adding ALL starts from everything,
/// dropping ALL from nothing, and of a name in both lists the addition wins unless ALL was added.
/// Errors: INVALID_ARGUMENT, reason CAPABILITY_UNKNOWN for a name that is none, CAPABILITY_CONFLICT
/// for ALL in both lists; FAILED_PRECONDITION, reason CAPABILITY_UNSUPPORTED for one added that
/// this kernel does not have.
Result<std::uint64_t> bounding_set(const ContainerConfig& config, int last_capability);

/// The highest capability number of this kernel, from /proc/sys/kernel/cap_last_cap.
Result<int> read_last_capability();

}  // namespace skerry::isolators
