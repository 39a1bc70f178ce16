// The eBPF program that says yes or no to a device access of a cgroup v2 group.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <vector>

#include "os/cgroup/cgroup.h"

namespace skerry::os::cgroup_v2 {

/// Assembles the program: 1 (allow) when a rule covers the request, 0 (EPERM) otherwise. Rules are
/// checked in order. Pure. Kernel: 4.15, BPF_PROG_TYPE_CGROUP_DEVICE, struct bpf_cgroup_dev_ctx.
std::vector<bpf_insn> assemble_device_program(const std::vector<DeviceRule>& allowed);

}  // namespace skerry::os::cgroup_v2
