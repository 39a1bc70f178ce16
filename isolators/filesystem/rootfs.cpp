#include "isolators/filesystem/rootfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ranges>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "isolators/filesystem/mounts.h"
#include "isolators/refusal.h"
#include "os/path.h"

namespace skerry::isolators {
namespace {

constexpr std::size_t kMaxLayers = 500;
constexpr mode_t kUpperMode = 0755;
constexpr mode_t kWorkMode = 0700;
constexpr mode_t kPermissions = 07777;
constexpr const char* kReadyUpper = "upper.ready";
constexpr const char* kReadyWork = "work.ready";

/// Makes `name` unless it is there and opens it; a link in its place is refused.
Result<UniqueFd> make_and_open(int dir, const char* name, mode_t mode, bool& made) {
  made = ::mkdirat(dir, name, mode) == 0;
  const int make_errno = errno;
  if (!made && make_errno != EEXIST) {
    return Error::from_errno(make_errno, fmt::format("make directory \"{}\"", name));
  }
  UniqueFd fd(::openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const int open_errno = errno;
  if (!fd) return Error::from_errno(open_errno, fmt::format("open directory \"{}\"", name));
  return fd;
}

/// The kernel keeps its own directory `work` in the work directory; a volatile mount leaves
/// incompat/volatile there, and refuses the directories until it is gone.
Result<> clear_volatile_mark(int work) {
  auto inner = os::open_beneath(work, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!inner) {
    if (inner.error().code() == Code::kNotFound) return {};
    return std::move(inner).error();
  }
  return os::remove_tree(inner->get(), "incompat");
}

/// The root directory of an overlay is the upper one: it takes its looks from the top layer's.
Result<> copy_root_attributes(int layer, int upper) {
  struct stat status {};
  if (::fstat(layer, &status) != 0 || ::fchown(upper, status.st_uid, status.st_gid) != 0 ||
      ::fchmod(upper, status.st_mode & kPermissions) != 0) {
    const int error = errno;
    return Error::from_errno(error, "copy owner and mode of the top layer");
  }
  return {};
}

Result<UniqueFd> open_layer(const RootRequest& request, const std::string& path) {
  if (!request.config.foreign_layers) return os::open_dir(path);
  TRY_ASSIGN(auto layer, request.foreign.open(path, request.deadline));
  TRY(check_source(request.bind_sources, "root", path, layer.fd.get()));
  if (!layer.is_directory) {
    return unsupported(fmt::format("root \"{}\"", path), "not a directory", "ROOT_INVALID");
  }
  return std::move(layer.fd);
}

/// proc, sysfs and /dev are mounted there by privileged code, which must find a directory and not
/// a link of the image's to somewhere else (CVE-2019-19921, CVE-2023-27561).
Result<> make_mount_point(int root, const char* name) {
  struct stat status {};
  if (::fstatat(root, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return unsupported(
        fmt::format("\"/{}\" of the image", name), "is not a directory", "ROOT_INVALID");
  }
  const int stat_errno = errno;
  if (stat_errno != ENOENT) {
    return Error::from_errno(stat_errno, fmt::format("stat \"/{}\" of the image", name));
  }
  if (::mkdirat(root, name, kUpperMode) != 0) {
    const int make_errno = errno;
    return Error::from_errno(make_errno, fmt::format("make directory \"/{}\"", name));
  }
  return {};
}

}  // namespace

Result<> check_root(const RootFilesystem& root) {
  if (root.layers.empty() || root.layers.size() > kMaxLayers) {
    return refuse("rootfs",
                  fmt::format("{} layers", root.layers.size()),
                  fmt::format("1 to {}", kMaxLayers),
                  "ROOT_INVALID");
  }
  for (const auto& layer : root.layers) TRY(check_absolute_path("rootfs", layer));
  return check_absolute_path("rootfs scratch", root.scratch);
}

Result<Scratch> Scratch::open(const RootFilesystem& root, const char* upper, const char* work) {
  Scratch scratch;
  scratch.upper_name_ = upper;
  scratch.work_name_ = work;
  TRY_ASSIGN(scratch.directory_, os::open_dir(root.scratch));
  const int dir = scratch.directory_.get();
  TRY_ASSIGN(scratch.upper_, make_and_open(dir, upper, kUpperMode, scratch.made_upper_));
  TRY_ASSIGN(scratch.work_, make_and_open(dir, work, kWorkMode, scratch.made_work_));
  if (!scratch.made_work_) TRY(clear_volatile_mark(scratch.work_.get()));
  return scratch;
}

Result<Scratch> Scratch::open_ready(const RootFilesystem& root) {
  return open(root, kReadyUpper, kReadyWork);
}

Result<> Scratch::take_ready(const RootFilesystem& root) {
  TRY_ASSIGN(const UniqueFd directory, os::open_dir(root.scratch));
  const int dir = directory.get();
  if (::renameat(dir, kReadyUpper, dir, "upper") == 0 &&
      ::renameat(dir, kReadyWork, dir, "work") == 0) {
    return {};
  }
  return Error::from_errno(errno, "take over the writable layer");
}

Result<> Scratch::forget_ready(const RootFilesystem& root) {
  TRY_ASSIGN(const UniqueFd directory, os::open_dir(root.scratch));
  TRY(os::remove_tree(directory.get(), kReadyUpper));
  return os::remove_tree(directory.get(), kReadyWork);
}

Scratch::Scratch(Scratch&& other) noexcept
    : directory_(std::move(other.directory_)),
      upper_name_(other.upper_name_),
      work_name_(other.work_name_),
      upper_(std::move(other.upper_)),
      work_(std::move(other.work_)),
      made_upper_(std::exchange(other.made_upper_, false)),
      made_work_(std::exchange(other.made_work_, false)) {}

Scratch::~Scratch() {
  // A leftover is found again by the next attempt, and removed with the container's directory.
  if (made_upper_) static_cast<void>(os::remove_tree(directory_.get(), upper_name_));
  if (made_work_) static_cast<void>(os::remove_tree(directory_.get(), work_name_));
}

Result<UniqueFd> make_root(const RootRequest& request) {
  std::vector<UniqueFd> layers;
  os::OverlaySpec spec;
  for (const auto& path : request.config.layers | std::views::reverse) {
    TRY_ASSIGN(UniqueFd layer, open_layer(request, path));
    spec.lowers.push_back({.dir = layer.get(), .path = {}});
    layers.push_back(std::move(layer));
  }
  if (request.scratch.made_upper()) {
    TRY(copy_root_attributes(layers.front().get(), request.scratch.upper()));
  }
  spec.upper = os::HostPath{.dir = request.scratch.upper(), .path = {}};
  spec.work = os::HostPath{.dir = request.scratch.work(), .path = {}};
  spec.is_volatile = !request.config.durable;
  TRY_ASSIGN(UniqueFd root, os::make_overlay(spec, request.arm));
  for (const char* name : std::array{"proc", "sys", "dev"}) {
    TRY(make_mount_point(root.get(), name));
  }
  return root;
}

}  // namespace skerry::isolators
