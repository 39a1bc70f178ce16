#include <algorithm>
#include <cerrno>
#include <thread>

#include "os/cgroup/v1/controllers.h"
#include "os/path.h"
#include "os/pidfd.h"
#include "os/syscalls.h"

namespace skerry::os::cgroup_v1 {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFreezeDeadline{1000};
constexpr milliseconds kPollInterval{1};
constexpr milliseconds kLongestWait{20};

bool is_gone(const Error& error) {
  return error.sys_errno() == ENOENT || error.sys_errno() == ENODEV;
}

}  // namespace

Result<> freeze(int dir) {
  const auto end = steady_clock::now() + kFreezeDeadline;
  while (true) {
    // Written again each time: a process that was forked meanwhile is only caught that way.
    TRY(write_value_at(dir, "freezer.state", "FROZEN"));
    TRY_ASSIGN(const auto state, read_file_at(dir, "freezer.state", 64));
    if (state == "FROZEN\n") return {};
    if (steady_clock::now() >= end) break;
    std::this_thread::sleep_for(kPollInterval);
  }
  TRY(thaw(dir));
  return Error(Code::kDeadlineExceeded, "group did not freeze");
}

Result<> thaw(int dir) {
  auto thawed = write_value_at(dir, "freezer.state", "THAWED");
  if (!thawed && is_gone(thawed.error())) return {};
  return thawed;
}

Result<> kill(int dir) {
  // What cannot be frozen in time is killed all the same, only without the guarantee that no fork
  // slipped through; the caller sees it in wait_empty and kills again.
  auto frozen = freeze(dir);
  if (!frozen && is_gone(frozen.error())) return {};
  auto killed = kill_listed(dir);
  TRY(thaw(dir));
  return killed;
}

Result<> wait_empty(int dir, const CgroupPath& path, milliseconds deadline) {
  const auto end = steady_clock::now() + deadline;
  while (true) {
    TRY_ASSIGN(const auto processes, group_processes(dir));
    if (processes.empty()) return {};
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0) return still_populated(path, processes);
    const UniqueFd pidfd(sys::pidfd_open(processes.front(), 0));
    if (!pidfd) continue;
    auto ended = wait_for_end(pidfd.get(), std::min(left, kLongestWait));
    if (!ended && ended.error().code() != Code::kDeadlineExceeded) return ended;
    // A zombie stays listed until it is reaped.
    if (ended) std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace skerry::os::cgroup_v1
