// The container's /dev, made ready by the daemon: the child only attaches it.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::isolators {

/// A character device of every container.
struct DeviceNode {
  const char* name;
  unsigned major;
  unsigned minor;
};

/// null, zero, full, random, urandom, tty: what the nodes of /dev and the device rules are made of.
std::span<const DeviceNode> default_devices();

/// A detached tmpfs with the nodes (0666), the usual links, and empty directories pts, shm and
/// mqueue to mount on. Needs CAP_MKNOD. Blocks: kernel, about 60 µs.
Result<UniqueFd> make_dev();

}  // namespace skerry::isolators
