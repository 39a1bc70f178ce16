#include "os/cgroup/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>

#include <fmt/format.h>

#include "os/path.h"
#include "os/pidfd.h"
#include "os/proc_files.h"
#include "os/syscalls.h"

namespace skerry::os {
namespace {

constexpr std::size_t kMaxProcsBytes = 8UL << 20U;
constexpr std::size_t kMaxValueBytes = 16UL << 10U;
constexpr int kMaxDepth = 64;

// ENODEV is what files of a group give that was removed while they were open.
bool is_gone(int sys_errno) { return sys_errno == ENOENT || sys_errno == ENODEV; }

Result<std::string> read_procs(int dir) {
  auto text = read_file_at(dir, "cgroup.procs", kMaxProcsBytes);
  if (!text && is_gone(text.error().sys_errno())) return std::string();
  return text;
}

Result<> collect_processes(int dir, int depth, std::vector<pid_t>& out) {
  if (depth > kMaxDepth) return Error(Code::kFailedPrecondition, "groups are nested too deep");
  TRY_ASSIGN(const auto text, read_procs(dir));
  for (const auto line : split(text, '\n')) {
    const auto pid = parse_number(line);
    // 0 is a process of another pid namespace, which no signal of ours reaches.
    if (pid && *pid != 0) out.push_back(static_cast<pid_t>(*pid));
  }
  TRY_ASSIGN(const auto children, child_groups(dir));
  for (const auto& child : children) {
    auto fd = open_group(dir, child);
    if (!fd && fd.error().code() == Code::kNotFound) continue;
    if (!fd) return std::move(fd).error();
    TRY(collect_processes(fd->get(), depth + 1, out));
  }
  return {};
}

Result<> remove_below(int root, const CgroupPath& path, int depth) {
  if (::unlinkat(root, path.c_str(), AT_REMOVEDIR) == 0) return {};
  int sys_errno = errno;
  if (is_gone(sys_errno)) return {};
  // EBUSY is a process or a child group; only the second can be helped.
  if ((sys_errno == EBUSY || sys_errno == ENOTEMPTY) && depth < kMaxDepth) {
    auto dir = open_group(root, path);
    if (!dir && dir.error().code() == Code::kNotFound) return {};
    if (!dir) return std::move(dir).error();
    TRY_ASSIGN(const auto children, child_groups(dir->get()));
    for (const auto& child : children) TRY(remove_below(dir->get(), child, depth + 1));
    if (::unlinkat(root, path.c_str(), AT_REMOVEDIR) == 0) return {};
    sys_errno = errno;
    if (is_gone(sys_errno)) return {};
  }
  return Error::from_errno(sys_errno, fmt::format("remove group \"{}\"", path));
}

}  // namespace

Result<> check_cgroup_path(const CgroupPath& path) {
  const bool framed = path.empty() || path.front() == '/' || path.back() == '/';
  bool is_bad = framed || path.find("//") != std::string::npos ||
                path.find_first_of(std::string_view("\n\0", 2)) != std::string::npos;
  for (const auto part : split(path, '/')) is_bad = is_bad || part == "." || part == "..";
  if (is_bad) return Error(Code::kInvalidArgument, fmt::format("group path \"{}\"", path));
  return {};
}

CgroupPath parent_group(const CgroupPath& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? CgroupPath() : path.substr(0, slash);
}

Result<> make_group(int root, const CgroupPath& path) {
  if (::mkdirat(root, path.c_str(), 0755) != 0)
    return Error::from_errno(errno, fmt::format("make group \"{}\"", path));
  return {};
}

Result<> make_groups(int root, const CgroupPath& path) {
  auto made = make_group(root, path);
  if (made || made.error().code() == Code::kAlreadyExists) return {};
  const auto parent = parent_group(path);
  if (made.error().code() != Code::kNotFound || parent.empty()) return made;
  TRY(make_groups(root, parent));
  made = make_group(root, path);
  if (!made && made.error().code() == Code::kAlreadyExists) return {};
  return made;
}

Result<UniqueFd> open_group(int root, const CgroupPath& path) {
  UniqueFd fd(::openat(root, path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, fmt::format("open group \"{}\"", path));
  return fd;
}

Result<> remove_group(int root, const CgroupPath& path) { return remove_below(root, path, 0); }

Result<std::vector<std::string>> child_groups(int dir) {
  std::vector<std::string> names;
  const int fd = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    if (is_gone(errno)) return names;
    return Error::from_errno(errno, "list groups");
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(fd), ::closedir);
  if (!listing) return Error::from_errno(errno, "list groups");
  // One listing per stream: readdir(3) is safe as long as the stream is not shared.
  while (const dirent* entry = ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

Result<std::vector<pid_t>> group_processes(int dir) {
  std::vector<pid_t> processes;
  TRY(collect_processes(dir, 0, processes));
  return processes;
}

Result<> kill_listed(int dir) {
  TRY_ASSIGN(const auto processes, group_processes(dir));
  for (const pid_t pid : processes) {
    const UniqueFd pidfd(sys::pidfd_open(pid, 0));
    if (!pidfd) continue;
    TRY(send_signal(pidfd.get(), SIGKILL));
  }
  return {};
}

Error still_populated(const CgroupPath& path, const std::vector<pid_t>& processes) {
  constexpr std::size_t kNamed = 3;
  std::string names;
  for (std::size_t i = 0; i < std::min(processes.size(), kNamed); ++i) {
    const auto text = read_file(fmt::format("/proc/{}/stat", processes[i]), 4096);
    const auto stat = text ? parse_process_stat(*text) : std::nullopt;
    names +=
        fmt::format("{}{} ({})", names.empty() ? "" : ", ", processes[i], stat ? stat->state : '?');
  }
  return Error(
      Code::kDeadlineExceeded,
      fmt::format("group \"{}\" still has {} processes: {}", path, processes.size(), names));
}

Result<std::string> KeptFile::read(int dir) {
  if (!fd_) {
    fd_.reset(::openat(dir, name_, O_RDONLY | O_CLOEXEC));
    if (!fd_) return Error::from_errno(errno, fmt::format("open \"{}\"", name_));
  }
  std::string text(kMaxValueBytes, '\0');
  const ssize_t count = ::pread(fd_.get(), text.data(), text.size(), 0);
  if (count < 0) return Error::from_errno(errno, fmt::format("read \"{}\"", name_));
  text.resize(static_cast<std::size_t>(count));
  return text;
}

Result<std::uint64_t> read_number_at(int dir, const char* name) {
  TRY_ASSIGN(const auto text, read_file_at(dir, name, kMaxValueBytes));
  if (text == "max\n") return ~0ULL;
  const auto number = parse_number(text);
  if (!number) return Error(Code::kInternal, fmt::format("\"{}\" holds no number", name));
  return *number;
}

}  // namespace skerry::os
