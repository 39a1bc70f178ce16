// The ranges of what clients and the configuration file may ask for alike: a default that no launch
// could have would be found out too late.
#pragma once

#include <cstdint>

#include "base/units.h"

namespace skerry {

/// The kernel's quota is at least 1 ms in a period of 100 ms.
constexpr MilliCpu kMinCpuLimit{10};

/// Below this a container does not get as far as its own program. Tried with all mounts of a launch
/// charged to the group, then a shell (6.18, two processors): with 128 KiB the kernel kills the
/// process before exec, with 192 KiB it ran 40 times out of 40, using up to 344 KiB where it may.
/// 512 leaves room for other kernels and more processors, which charge in batches each of their
/// own.
constexpr Bytes kMinMemoryLimit{512ULL * 1024};

/// The kernel's PID_MAX_LIMIT, proc(5).
constexpr std::uint64_t kMaxPids = 4ULL << 20U;

/// Of one file of a container's log.
constexpr Bytes kMinLogSize{64ULL * 1024};
constexpr std::uint32_t kMaxLogFiles = 100;

}  // namespace skerry
