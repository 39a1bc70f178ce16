#include "volumes/mountpoint.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "os/proc_files.h"

namespace skerry::volumes {
namespace {

/// File systems of the kernel and of devices: a volume in them would be a hole into the host.
constexpr std::array<std::string_view, 3> kKernelTrees = {"/proc", "/sys", "/dev"};

Error invalid(std::string_view mountpoint, std::string_view why) {
  constexpr std::size_t kShown = 200;
  return Error(Code::kInternal,
               fmt::format("mountpoint \"{}\" {}", mountpoint.substr(0, kShown), why))
      .with_reason("MOUNTPOINT_INVALID");
}

/// "/a//b/./" as "/a/b".
std::string cleaned(std::string_view path) {
  std::string out;
  for (const auto part : os::split(path, '/')) {
    if (part.empty() || part == ".") continue;
    out.append("/").append(part);
  }
  return out.empty() ? "/" : out;
}

Error refine(Error error) {
  const int sys_errno = error.sys_errno();
  if (sys_errno == ENOTCONN || sys_errno == ESTALE) {
    return std::move(error)
        .with_code(Code::kUnavailable)
        .with_reason("VOLUME_DISCONNECTED")
        .as_retryable();
  }
  if (error.code() == Code::kNotFound) return std::move(error).with_reason("MOUNTPOINT_NOT_FOUND");
  return error;
}

}  // namespace

bool is_within(std::string_view path, std::string_view prefix) {
  if (prefix == "/") return path.starts_with('/');
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

Result<> check_mountpoint(std::string_view mountpoint) {
  if (mountpoint.empty()) return invalid(mountpoint, "is empty");
  if (mountpoint.find('\0') != std::string_view::npos) return invalid("", "has a NUL in it");
  if (mountpoint.size() >= PATH_MAX) return invalid(mountpoint, "is too long");
  if (!mountpoint.starts_with('/')) return invalid(mountpoint, "is not absolute");
  const auto parts = os::split(mountpoint, '/');
  if (std::ranges::find(parts, std::string_view("..")) != parts.end())
    return invalid(mountpoint, "has \"..\" in it");
  const std::string clean = cleaned(mountpoint);
  if (clean == "/") return invalid(mountpoint, "is the host's root");
  for (const auto tree : kKernelTrees) {
    if (is_within(clean, tree)) return invalid(mountpoint, fmt::format("is in {}", tree));
  }
  return {};
}

std::chrono::milliseconds path_patience(const CallLimits& limits) {
  // A local path opens in microseconds and a remote one in seconds; and whoever opens one cannot be
  // called off.
  constexpr std::chrono::seconds kLongest{10};
  return std::min<std::chrono::milliseconds>(limits.left(), kLongest);
}

Result<os::ForeignPath> open_mountpoint(os::ForeignPaths& paths,
                                        const std::string& mountpoint,
                                        const CallLimits& limits) {
  TRY(check_mountpoint(mountpoint));
  auto opened = paths.open_alive(mountpoint, path_patience(limits));
  if (!opened) return refine(std::move(opened).error());
  TRY_ASSIGN(const std::string real, real_path(opened->fd.get()));
  auto checked = check_mountpoint(real);
  if (!checked) {
    return std::move(checked).error().wrap(fmt::format("mountpoint \"{}\" leads out", mountpoint));
  }
  return opened;
}

Result<std::string> real_path(int fd) {
  std::array<char, PATH_MAX> buffer{};
  const auto link = fmt::format("/proc/self/fd/{}", fd);
  const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  const int sys_errno = errno;
  if (size < 0) return Error::from_errno(sys_errno, fmt::format("read link \"{}\"", link));
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

Result<UniqueFd> clone_for(const PublishRequest& request, int fd, os::MountFlags flags) {
  flags.read_only = request.access == Access::kReadOnly;
  // With the mounts below, as rbind does: a plugin may have put its data on one of them.
  return os::clone_tree({.dir = fd, .path = {}}, os::MountScope::kTree, flags);
}

}  // namespace skerry::volumes
