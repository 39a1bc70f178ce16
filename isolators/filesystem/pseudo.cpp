#include "isolators/filesystem/pseudo.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "os/mount.h"
#include "os/proc_files.h"

namespace skerry::isolators {
namespace {

constexpr std::uint64_t kNoSuidDevExec = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr std::uint64_t kReadOnly = kNoSuidDevExec | MS_RDONLY;
constexpr const char* kCgroupRoot = "/sys/fs/cgroup";

constexpr std::array<const char*, 12> kMasked = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
};

constexpr std::array<const char*, 5> kReadOnlyPaths = {
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
};

// What programs look for on a v1 host to size themselves: the JVM gives up on containers unless it
// finds cpu, cpuacct, cpuset and memory, and reads pids; Go's automaxprocs reads cpu. The other
// hierarchies (devices, freezer, blkio …) have no such reader, and each would cost a launch 11 µs:
// five instead of eleven.
constexpr std::array<std::string_view, 5> kShownControllers = {
    "cpu", "cpuacct", "cpuset", "memory", "pids"};

bool is_shown(const std::string& hierarchy) {
  return std::ranges::any_of(os::split(hierarchy, ','), [](std::string_view controller) {
    return std::ranges::find(kShownControllers, controller) != kShownControllers.end();
  });
}

/// Controllers mounted together are also found by each one's own name.
Result<> link_controllers(int directory, const std::string& hierarchy) {
  for (const auto controller : os::split(hierarchy, ',')) {
    if (controller == hierarchy) continue;
    if (::symlinkat(hierarchy.c_str(), directory, std::string(controller).c_str()) != 0) {
      const int error = errno;
      return Error::from_errno(error, fmt::format("link \"{}/{}\"", kCgroupRoot, controller));
    }
  }
  return {};
}

}  // namespace

void add_pseudo(PlanBuilder& plan, UniqueFd dev, SharedMemory shared_memory) {
  const auto mount = [&](const char* type, const char* target, std::uint64_t flags) {
    return plan::MountPseudo{.type = type, .target = target, .flags = flags, .data = {}};
  };
  plan.add(Phase::kPseudo, mount("proc", "/proc", kNoSuidDevExec));
  plan.add(Phase::kPseudo, mount("sysfs", "/sys", kReadOnly));
  plan.add(Phase::kPseudo,
           plan::AttachMount{.fd = plan.add_fd(std::move(dev)),
                             .target = "/dev",
                             .create = plan::TargetKind::kMustExist});
  // Group 5 is tty in every distribution: its members may write to terminals.
  auto pts = mount("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC);
  pts.data = "ptmxmode=0666,mode=0620,gid=5";
  plan.add(Phase::kPseudo, std::move(pts));
  if (shared_memory == SharedMemory::kOwn) {
    auto shm = mount("tmpfs", "/dev/shm", kNoSuidDevExec);
    shm.data = "mode=1777,size=64m";
    plan.add(Phase::kPseudo, std::move(shm));
  }
  plan.add(Phase::kPseudo, mount("mqueue", "/dev/mqueue", kNoSuidDevExec));
}

Result<UniqueFd> make_v1_cgroup_directory(const std::vector<std::string>& hierarchies) {
  if (hierarchies.empty()) return UniqueFd();
  constexpr mode_t kMode = 0755;
  os::MountFlags flags{.nosuid = true, .nodev = true, .noexec = true};
  TRY_ASSIGN(UniqueFd directory,
             os::make_tmpfs({.size = kMebibyte, .mode = kMode, .flags = flags}));
  for (const auto& hierarchy : hierarchies) {
    if (!is_shown(hierarchy)) continue;
    if (::mkdirat(directory.get(), hierarchy.c_str(), kMode) != 0) {
      const int error = errno;
      return Error::from_errno(error, fmt::format("make \"{}/{}\"", kCgroupRoot, hierarchy));
    }
    TRY(link_controllers(directory.get(), hierarchy));
  }
  flags.read_only = true;
  TRY(os::set_mount_flags(directory.get(), flags, os::MountScope::kOne));
  return directory;
}

void add_cgroup_mounts(PlanBuilder& plan,
                       UniqueFd directory,
                       const std::vector<std::string>& hierarchies) {
  if (!directory) {
    plan.add(Phase::kPseudo,
             plan::MountPseudo{
                 .type = "cgroup2", .target = kCgroupRoot, .flags = kReadOnly, .data = {}});
    return;
  }
  plan.add(Phase::kPseudo,
           plan::AttachMount{.fd = plan.add_fd(std::move(directory)),
                             .target = kCgroupRoot,
                             .create = plan::TargetKind::kMustExist});
  for (const auto& hierarchy : hierarchies) {
    if (!is_shown(hierarchy)) continue;
    plan.add(Phase::kPseudo,
             plan::MountPseudo{.type = "cgroup",
                               .target = fmt::format("{}/{}", kCgroupRoot, hierarchy),
                               .flags = kReadOnly,
                               .data = hierarchy});
  }
}

void add_masks(PlanBuilder& plan) {
  for (const char* path : kReadOnlyPaths) {
    plan.add(Phase::kMasks, plan::ReadOnlyPath{.path = path});
  }
  for (const char* path : kMasked) plan.add(Phase::kMasks, plan::MaskPath{.path = path});
}

}  // namespace skerry::isolators
