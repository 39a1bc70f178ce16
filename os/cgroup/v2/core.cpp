#include "os/cgroup/v2/core.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "os/cgroup/tree.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os::cgroup_v2 {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFreezeDeadline{1000};

bool is_gone(const Error& error) {
  return error.sys_errno() == ENOENT || error.sys_errno() == ENODEV;
}

Result<std::string> read_events(int fd) {
  std::array<char, 256> text{};
  const ssize_t count = ::pread(fd, text.data(), text.size(), 0);
  if (count < 0) return Error::from_errno(errno, "read \"cgroup.events\"");
  return std::string(text.data(), static_cast<std::size_t>(count));
}

enum class Waited : std::uint8_t { kReached, kGone, kTimedOut };

// The kernel wakes a poll on cgroup.events for each change after the last read.
Result<Waited> wait_event(int dir,
                          std::string_view key,
                          std::uint64_t wanted,
                          milliseconds deadline) {
  const auto end = steady_clock::now() + deadline;
  const UniqueFd fd(::openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENODEV) return Waited::kGone;
    return Error::from_errno(errno, "open \"cgroup.events\"");
  }
  while (true) {
    auto text = read_events(fd.get());
    if (!text && is_gone(text.error())) return Waited::kGone;
    if (!text) return std::move(text).error();
    if (find_keyed_number(*text, key) == wanted) return Waited::kReached;
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0) return Waited::kTimedOut;
    pollfd entry{.fd = fd.get(), .events = POLLPRI, .revents = 0};
    if (::poll(&entry, 1, static_cast<int>(left.count())) < 0 && errno != EINTR)
      return Error::from_errno(errno, "poll \"cgroup.events\"");
  }
}

Result<> ignore_gone(Result<> result) {
  if (!result && is_gone(result.error())) return {};
  return result;
}

}  // namespace

Result<> kill(int dir) {
  auto killed = write_value_at(dir, "cgroup.kill", "1");
  if (killed || killed.error().sys_errno() != ENOENT) return ignore_gone(std::move(killed));
  if (auto frozen = freeze(dir); !frozen && is_gone(frozen.error())) return {};
  auto listed = kill_listed(dir);
  TRY(thaw(dir));
  return listed;
}

Result<> freeze(int dir) {
  TRY(write_value_at(dir, "cgroup.freeze", "1"));
  TRY_ASSIGN(const auto waited, wait_event(dir, "frozen", 1, kFreezeDeadline));
  if (waited != Waited::kTimedOut) return {};
  TRY(thaw(dir));
  return Error(Code::kDeadlineExceeded, "group did not freeze");
}

Result<> thaw(int dir) { return ignore_gone(write_value_at(dir, "cgroup.freeze", "0")); }

Result<bool> populated(int dir) {
  auto text = read_file_at(dir, "cgroup.events", 4096);
  if (!text && is_gone(text.error())) return false;
  if (!text) return std::move(text).error();
  return find_keyed_number(*text, "populated") == 1U;
}

Result<> wait_empty(int dir, const CgroupPath& path, milliseconds deadline) {
  TRY_ASSIGN(const auto waited, wait_event(dir, "populated", 0, deadline));
  if (waited != Waited::kTimedOut) return {};
  TRY_ASSIGN(const auto processes, group_processes(dir));
  return still_populated(path, processes);
}

}  // namespace skerry::os::cgroup_v2
