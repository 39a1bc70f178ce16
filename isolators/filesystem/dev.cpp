#include "isolators/filesystem/dev.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "os/mount.h"

namespace skerry::isolators {
namespace {

constexpr std::array<DeviceNode, 6> kDevices = {{
    {"null", 1, 3},
    {"zero", 1, 5},
    {"full", 1, 7},
    {"random", 1, 8},
    {"urandom", 1, 9},
    {"tty", 5, 0},
}};

struct Link {
  const char* name;
  const char* target;
};
constexpr std::array<Link, 6> kLinks = {{
    {"fd", "/proc/self/fd"},
    {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"},
    {"ptmx", "pts/ptmx"},
    {"core", "/proc/kcore"},
}};

constexpr std::array<const char*, 3> kDirectories = {"pts", "shm", "mqueue"};
constexpr mode_t kNodeMode = 0666;
constexpr mode_t kDirectoryMode = 0755;
/// As much as Docker gives; it counts against the container's memory when used.
constexpr std::uint64_t kSizeMebibytes = 64;

Error failed(int sys_errno, const char* name) {
  return Error::from_errno(sys_errno, fmt::format("make \"/dev/{}\"", name));
}

}  // namespace

std::span<const DeviceNode> default_devices() { return kDevices; }

Result<UniqueFd> make_dev() {
  TRY_ASSIGN(UniqueFd dev,
             os::make_tmpfs({.size = Bytes{kSizeMebibytes * kMebibyte.value()},
                             .mode = kDirectoryMode,
                             .flags = {.nosuid = true}}));
  for (const auto& node : kDevices) {
    // The daemon's umask is not ours to change: it is one for all threads.
    if (::mknodat(dev.get(), node.name, S_IFCHR | kNodeMode, ::makedev(node.major, node.minor)) ||
        ::fchmodat(dev.get(), node.name, kNodeMode, 0) != 0) {
      return failed(errno, node.name);
    }
  }
  for (const auto& link : kLinks) {
    if (::symlinkat(link.target, dev.get(), link.name) != 0) return failed(errno, link.name);
  }
  for (const char* name : kDirectories) {
    if (::mkdirat(dev.get(), name, kDirectoryMode) != 0) return failed(errno, name);
  }
  return dev;
}

}  // namespace skerry::isolators
