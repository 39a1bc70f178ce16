// The processes of one container, as ps(1) would show them, read from /proc by us: nothing of the
// container's is run for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace skerry::agent {

struct ProcessEntry {
  std::uint32_t pid = 0;         ///< in the host's numbers
  std::uint32_t parent_pid = 0;  ///< the same
  std::uint32_t inner_pid = 0;   ///< in its own pid namespace; 0: the kernel does not tell
  std::uint32_t user_id = 0;
  char state = '?';
  std::uint32_t threads = 0;
  std::chrono::nanoseconds cpu{0};
  std::uint64_t resident_bytes = 0;
  std::chrono::nanoseconds since_boot{0};  ///< when it began
  std::string command_line;
  std::string exec_uid;  ///< empty: none
};

/// What the fields of stat(5) are counted in.
struct KernelUnits {
  std::uint64_t ticks_per_second = 100;
  std::uint64_t page_bytes = 4096;
};
KernelUnits kernel_units();

/// The text of /proc/PID/{stat,status,cmdline,cgroup}. Absent where `stat` is none. Pure.
struct ProcessFiles {
  std::string stat;
  std::string status;
  std::string command_line;
  std::string cgroup;
};
std::optional<ProcessEntry> parse_process(const ProcessFiles& files, const KernelUnits& units);

/// Those of the pids that are still there and in a group whose path names `uid`, in the order of
/// their numbers. Blocks: kernel. Thread: worker.
std::vector<ProcessEntry> read_processes(const std::vector<pid_t>& pids, std::string_view uid);

/// Names of users by number, from the /etc/passwd inside `root`; none where it has none that can be
/// read. Blocks: kernel (the container's file systems). Thread: worker.
std::map<std::uint32_t, std::string> user_names(int root);

}  // namespace skerry::agent
