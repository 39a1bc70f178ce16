// Control groups behind one interface: v2 is the reference, v1 and hybrid hosts do the same work.
//
// A CgroupPath names a group below the manager's root ("skerry-a.scope/<uid>"); the manager makes
// it in every hierarchy that is there. On v2 a container's group carries the limits and no process;
// its processes live in the leaf "main" (and "x-<exec>"), because of the no-internal-process rule.
//
// Life of a group:  create → set_* → join (by the launcher, with descriptors) → usage, freeze, kill
//                   → wait_empty → remove.  Every call may be repeated.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"

namespace skerry::os {

enum class CgroupMode : std::uint8_t { kV1, kHybrid, kV2 };

/// Relative path of a group below the manager's root; no "..", no leading or double slash.
using CgroupPath = std::string;

struct CpuSettings {
  /// Share under contention on the v2 scale, 1–10000, 100 for one CPU's worth of requests; absent
  /// leaves it as it is. v1 gets the equivalent cpu.shares.
  std::optional<std::uint64_t> weight = std::nullopt;
  /// Absent leaves it; zero is unlimited. Quota per 100 ms period, at least 1 ms (10 mCPU).
  std::optional<MilliCpu> limit = std::nullopt;
};

struct MemorySettings {
  /// Absent leaves it; zero is unlimited. memory.max / memory.limit_in_bytes. Lowering reclaims
  /// first; RESOURCE_EXHAUSTED when the use cannot be brought below.
  std::optional<Bytes> limit = std::nullopt;
  /// Protected amount: memory.low / memory.soft_limit_in_bytes.
  std::optional<Bytes> reservation = std::nullopt;
  /// Swap on top of memory: memory.swap.max / memsw. Absent leaves it; kUnlimitedSwap lifts it.
  /// Zero is none. Where the kernel has no swap accounting: FAILED_PRECONDITION when a value is
  /// asked.
  std::optional<Bytes> swap = std::nullopt;
};
constexpr Bytes kUnlimitedSwap{~0ULL};

/// One allowed device node kind; -1 is any number.
struct DeviceRule {
  char type = 'c';  // 'c' or 'b'
  std::int64_t major = -1;
  std::int64_t minor = -1;
  std::string access = "rwm";
};

struct CgroupUsage {
  std::uint64_t cpu_nanoseconds = 0;
  std::uint64_t cpu_user_nanoseconds = 0;
  std::uint64_t cpu_system_nanoseconds = 0;
  std::uint64_t cpu_periods = 0;
  std::uint64_t cpu_throttled_periods = 0;
  std::uint64_t cpu_throttled_nanoseconds = 0;
  Bytes memory_current;
  /// memory_current less inactive file pages: what cannot be reclaimed cheaply.
  Bytes memory_working_set;
  Bytes memory_anonymous;
  Bytes memory_file;
  Bytes memory_peak;
  Bytes swap_current;
  std::uint64_t oom_kills = 0;
  std::uint64_t pids_current = 0;
};

/// What the launcher needs to put a new process into the group, open and close-on-exec.
struct CgroupJoin {
  /// v2 (and the unified tree of a hybrid host): for CLONE_INTO_CGROUP; -1 where there is none.
  UniqueFd clone_into;
  /// v1: the `tasks` file of each hierarchy, to which the child writes "0". Never cgroup.procs,
  /// which takes a lock that waits for an RCU grace period (6–10 ms on an idle host).
  std::vector<UniqueFd> tasks;
};

/// One group. Holds directory descriptors, not paths. Thread: any, one call at a time.
class Cgroup {
 public:
  Cgroup() = default;
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  virtual ~Cgroup() = default;

  virtual const CgroupPath& path() const = 0;
  virtual Result<CgroupJoin> join() const = 0;
  virtual Result<> set_cpu(const CpuSettings& settings) = 0;
  virtual Result<> set_memory(const MemorySettings& settings) = 0;
  /// Zero is unlimited.
  virtual Result<> set_pids_max(std::uint64_t max) = 0;
  /// Everything not in the list is refused. v1 writes devices.allow, v2 attaches an eBPF program
  /// (replacing the previous one atomically).
  virtual Result<> set_devices(const std::vector<DeviceRule>& allowed) = 0;
  virtual Result<CgroupUsage> usage() const = 0;
  /// The group's own count of OOM kills (its descendants' included).
  virtual Result<std::uint64_t> oom_kills() const = 0;
  /// Tells of them while it is open: for epoll(7) with EPOLLET | EPOLLIN | EPOLLPRI, an edge
  /// whenever oom_kills() may have risen. It may not have yet: v1 tells before it kills. Edges
  /// without a kill happen. Errors: FAILED_PRECONDITION where the host does not tell. Blocks:
  /// kernel.
  virtual Result<UniqueFd> open_oom_events() const = 0;
  virtual Result<bool> populated() const = 0;
  virtual Result<std::vector<pid_t>> processes() const = 0;
  /// Blocks: until frozen, at most one second (DEADLINE_EXCEEDED).
  virtual Result<> freeze() = 0;
  virtual Result<> thaw() = 0;
  /// SIGKILL to every process of the group and its descendants: cgroup.kill, or on v1 freeze, kill,
  /// thaw. Does not wait for their end. Idempotent.
  virtual Result<> kill() = 0;
  /// Blocks: until no process is left, or DEADLINE_EXCEEDED naming up to three that stay (pid,
  /// state).
  virtual Result<> wait_empty(std::chrono::milliseconds deadline) const = 0;
};

/// Makes, finds and removes groups. One per daemon, chosen once by make_cgroup_manager(); outlives
/// the groups it gave out. Paths that are none are INVALID_ARGUMENT in all calls. Thread: any.
class CgroupManager {
 public:
  CgroupManager() = default;
  CgroupManager(const CgroupManager&) = delete;
  CgroupManager& operator=(const CgroupManager&) = delete;
  virtual ~CgroupManager() = default;

  virtual CgroupMode mode() const = 0;
  /// The controllers that limits can be set for here: "cpu", "memory", "pids", "devices", "io" …
  virtual const std::vector<std::string>& controllers() const = 0;
  /// Makes an inner group without limits or processes, such as the scope or `plugins`; on v2
  /// enables every controller it was given for its children. Idempotent.
  virtual Result<> make_branch(const CgroupPath& path) = 0;
  /// A leaf for processes of ours (`SCOPE/shims`), without limits. Idempotent.
  virtual Result<std::unique_ptr<Cgroup>> make_leaf(const CgroupPath& path) = 0;
  /// Makes a container's group in all hierarchies (v2: with its leaf "main"). Undoes its own
  /// partial work. Errors: ALREADY_EXISTS.
  virtual Result<std::unique_ptr<Cgroup>> create(const CgroupPath& path) = 0;
  /// The group of one exec in the container at `container`, named x-`name` there: it can be killed,
  /// frozen and waited for by itself, and counts towards the container's limits. It costs one
  /// directory: a leaf on v2 and hybrid hosts, a group of the freezer alone on v1. Its own set_*,
  /// usage and oom_kills are FAILED_PRECONDITION. Removed by remove(container + "/x-" + name), and
  /// with the container. Errors: NOT_FOUND without the container. Idempotent.
  virtual Result<std::unique_ptr<Cgroup>> make_exec_leaf(const CgroupPath& container,
                                                         const std::string& name) = 0;
  /// Opens an existing container's group. Errors: NOT_FOUND.
  virtual Result<std::unique_ptr<Cgroup>> open(const CgroupPath& path) = 0;
  /// Removes the group and all groups below it, in every hierarchy. What is gone already is fine.
  /// Errors: FAILED_PRECONDITION (EBUSY) while a process is left. Blocks: kernel. Idempotent.
  virtual Result<> remove(const CgroupPath& path) = 0;
  /// Names of the groups directly below `path`, from any hierarchy, sorted, without repeats.
  virtual Result<std::vector<std::string>> children(const CgroupPath& path) const = 0;
  /// Moves a whole process (v2: into the group itself, which must be a leaf). For helpers and the
  /// launcher; containers use join().
  virtual Result<> attach(const CgroupPath& path, pid_t pid) = 0;
};

/// Where the trees are. Roots are passed in so that tests can give a fixture; the default is what
/// /proc/self/mountinfo of this host says.
struct CgroupRoots {
  CgroupMode mode = CgroupMode::kV2;
  /// v2, or the unified tree of a hybrid host; empty where there is none.
  std::string unified = {};
  /// v1 controller name(s) ("cpu,cpuacct") → mount point.
  std::vector<std::pair<std::string, std::string>> hierarchies = {};
};

/// Reads the host's cgroup mounts. Errors: FAILED_PRECONDITION when there is none.
Result<CgroupRoots> find_cgroup_roots(std::string_view mountinfo_path = "/proc/self/mountinfo");

/// Blocks: kernel.
Result<std::unique_ptr<CgroupManager>> make_cgroup_manager(const CgroupRoots& roots);

}  // namespace skerry::os
