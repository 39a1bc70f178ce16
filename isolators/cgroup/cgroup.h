// Isolators "cgroup/cpu", "cgroup/memory", "cgroup/pids" and "cgroup/devices": one controller each.
// All of them write to the container's own group and leave nothing that outlives it.
#pragma once

#include <memory>

#include "base/limits.h"
#include "isolators/isolator.h"

namespace skerry::isolators {

/// Weight from the request (100 for one CPU), quota from the limit.
/// Errors of validate: INVALID_ARGUMENT, reasons CPU_TOO_SMALL, CPU_ABOVE_HOST,
/// CPU_REQUEST_ABOVE_LIMIT.
std::unique_ptr<Isolator> make_cpu_isolator();

/// Limit from the limit, protected amount from the request, swap on top of the limit.
/// Errors of validate: INVALID_ARGUMENT, reasons MEMORY_TOO_SMALL, MEMORY_ABOVE_HOST,
/// MEMORY_REQUEST_ABOVE_LIMIT; FAILED_PRECONDITION, reason NO_SWAP_ACCOUNTING,
/// SWAP_NEEDS_MEMORY_LIMIT.
std::unique_ptr<Isolator> make_memory_isolator(const os::HostFacts& host);

/// Errors of validate: INVALID_ARGUMENT, reason PIDS_OUT_OF_RANGE.
std::unique_ptr<Isolator> make_pids_isolator();

/// Everything refused but the nodes of the container's /dev, pseudo terminals, and the making (not
/// the opening) of any node, as Docker allows.
std::unique_ptr<Isolator> make_devices_isolator();

}  // namespace skerry::isolators
