#include "isolators/filesystem/target.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "isolators/refusal.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kReason = "MOUNT_TARGET_REFUSED";
/// MAXSYMLINKS of the kernel.
constexpr int kMaxLinks = 40;

/// Files of /proc that show the host's numbers, and that lxcfs replaces.
constexpr std::array<std::string_view, 9> kReplaceable = {
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/net/dev",
};

bool is_refused(std::string_view target) {
  if (target == "/" || target == "/sys" || target == "/dev" || target == "/proc") return true;
  return target.starts_with("/proc/") &&
         std::ranges::find(kReplaceable, target) == kReplaceable.end();
}

bool has_dot_dot(std::string_view path) {
  const auto parts = os::split(path, '/');
  return std::ranges::find(parts, std::string_view("..")) != parts.end();
}

std::string parent_of(const std::string& path) {
  const auto parent = path.substr(0, path.find_last_of('/'));
  return parent.empty() ? "/" : parent;
}

Result<std::string> read_link(int dir, const std::string& name) {
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlinkat(dir, name.c_str(), text.data(), text.size());
  const int error = errno;
  if (size < 0) return Error::from_errno(error, fmt::format("read link \"{}\"", name));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

Result<std::string> path_of(int fd) {
  return read_link(AT_FDCWD, fmt::format("/proc/self/fd/{}", fd));
}

/// A detached mount's paths start at its own root; those of a directory have its path in front.
Result<std::string> path_in_root(int root, int fd) {
  TRY_ASSIGN(std::string path, path_of(fd));
  TRY_ASSIGN(const std::string base, path_of(root));
  if (base != "/" && path.starts_with(base)) path.erase(0, base.size());
  return path;
}

/// Where one step of the resolution ended: at what exists, or at a link that leads to nothing yet.
struct Step {
  std::string path;
  bool resolved = false;
};

Result<Step> follow(int root, const std::string& target) {
  std::string existing = target;
  std::string rest;
  for (;;) {
    const auto found = os::open_in_root(root, existing, O_PATH);
    if (found) {
      TRY_ASSIGN(const auto real, path_in_root(root, found->get()));
      return Step{.path = real + rest, .resolved = true};
    }
    if (found.error().code() != Code::kNotFound) return found.error();
    const auto link = os::open_in_root(root, existing, O_PATH | O_NOFOLLOW);
    if (link) {
      TRY_ASSIGN(const auto text, read_link(link->get(), ""));
      const std::string above = text.starts_with('/') ? "" : parent_of(existing) + "/";
      return Step{.path = fmt::format("{}{}{}", above, text, rest)};
    }
    rest.insert(0, existing.substr(existing.find_last_of('/')));
    existing = parent_of(existing);
  }
}

}  // namespace

std::string clean_path(std::string_view path) {
  std::string clean;
  for (const auto part : os::split(path, '/')) {
    if (part != ".") clean.append("/").append(part);
  }
  return clean.empty() ? "/" : clean;
}

Result<> check_target(std::string_view target) {
  if (!is_refused(target)) return {};
  return refuse("mount target",
                fmt::format("\"{}\"", target),
                "any place but \"/\", \"/dev\", \"/sys\", \"/proc\" and below that",
                kReason);
}

Result<> check_target_in_root(int root, const std::string& target) {
  TRY_ASSIGN(const std::string real, real_target(root, target));
  if (!is_refused(real)) return {};
  return unsupported(fmt::format("mount \"{}\"", target),
                     fmt::format("the image's links lead to \"{}\"", real),
                     kReason);
}

Result<std::string> real_target(int root, const std::string& target) {
  std::string path = clean_path(target);
  for (int links = 0; links < kMaxLinks; ++links) {
    TRY_ASSIGN(const Step step, follow(root, path));
    path = clean_path(step.path);
    if (!step.resolved) continue;
    if (has_dot_dot(path)) break;
    return path;
  }
  return unsupported(
      fmt::format("mount \"{}\"", target), "the image's links lead nowhere", kReason);
}

}  // namespace skerry::isolators
