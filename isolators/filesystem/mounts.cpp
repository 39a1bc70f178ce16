#include "isolators/filesystem/mounts.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "isolators/filesystem/target.h"
#include "isolators/refusal.h"
#include "os/mount.h"
#include "os/proc_files.h"

namespace skerry::isolators {
namespace {

constexpr std::uint32_t kMaxMode = 07777;
constexpr Bytes kMinTmpfs{4096};
const std::string& target_of(const Mount& mount) {
  return std::visit([](const auto& m) -> const std::string& { return m.target; }, mount);
}

Result<> check_path(const std::string& field, const std::string& path) {
  TRY(check_absolute_path(field, path));
  const auto parts = os::split(path, '/');
  if (std::ranges::find(parts, std::string_view("..")) != parts.end()) {
    return refuse(field, fmt::format("\"{}\"", path), "a path without \"..\"", "PATH_INVALID");
  }
  return {};
}

Result<> check_tmpfs(const TmpfsMount& mount) {
  if (mount.size && *mount.size < kMinTmpfs) {
    return refuse(fmt::format("mount \"{}\" size", mount.target),
                  fmt::format("{} bytes", mount.size->value()),
                  fmt::format("at least {} bytes", kMinTmpfs.value()),
                  "MOUNT_INVALID");
  }
  if (mount.mode > kMaxMode) {
    return refuse(fmt::format("mount \"{}\" mode", mount.target),
                  fmt::format("{:#o}", mount.mode),
                  "0 to 07777",
                  "MOUNT_INVALID");
  }
  return {};
}

Result<OpenedMount> open_bind(const MountRequest& request, const BindMount& mount) {
  auto source = request.foreign.open(mount.source, request.deadline);
  if (!source) {
    auto error = std::move(source).error();
    if (error.code() == Code::kNotFound) {
      error = std::move(error).with_reason("MOUNT_SOURCE_NOT_FOUND");
    }
    return std::move(error).wrap(fmt::format("mount \"{}\"", mount.target));
  }
  TRY(check_source(request.bind_sources,
                   fmt::format("mount \"{}\": source", mount.target),
                   mount.source,
                   source->fd.get()));
  const auto scope = mount.recursive ? os::MountScope::kTree : os::MountScope::kOne;
  auto tree =
      os::clone_tree({.dir = source->fd.get(), .path = {}}, scope, {.read_only = mount.read_only});
  if (!tree) return std::move(tree).error().wrap(fmt::format("mount \"{}\"", mount.target));
  return OpenedMount{
      .fd = std::move(*tree),
      .target = clean_path(mount.target),
      .create = source->is_directory ? plan::TargetKind::kDirectory : plan::TargetKind::kFile};
}

Result<OpenedMount> open_tmpfs(const MountRequest& request, const TmpfsMount& mount) {
  const Bytes memory = request.config.resources.memory_limit.value_or(request.host_memory);
  const Bytes size = mount.size.value_or(std::max(Bytes{memory.value() / 2}, kMinTmpfs));
  auto fd = os::make_tmpfs(
      {.size = size,
       .mode = mount.mode,
       .flags = {
           .read_only = mount.read_only, .nosuid = true, .nodev = true, .noexec = mount.no_exec}});
  if (!fd) return std::move(fd).error().wrap(fmt::format("mount \"{}\"", mount.target));
  return OpenedMount{.fd = std::move(*fd), .target = clean_path(mount.target)};
}

}  // namespace

Result<> check_source(const std::vector<std::string>& allowed,
                      std::string_view what,
                      const std::string& named,
                      int fd) {
  const auto allows_all = [](const std::string& base) { return base == "/"; };
  if (std::ranges::any_of(allowed, allows_all)) return {};
  std::error_code failed;
  const std::string real =
      std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", fd), failed).native();
  if (failed) return Error::from_errno(failed.value(), fmt::format("read the path of {}", what));
  const auto covers = [&real](const std::string& base) {
    return real == base || real.starts_with(base + "/");
  };
  if (std::ranges::any_of(allowed, covers)) return {};
  return Error(Code::kPermissionDenied,
               fmt::format("{} \"{}\" is in truth \"{}\", which mounts.bind_sources does not allow",
                           what,
                           named,
                           real))
      .with_reason("BIND_REFUSED");
}

Result<> check_mounts(const std::vector<Mount>& mounts) {
  std::set<std::string> targets;
  for (const auto& mount : mounts) {
    const std::string& target = target_of(mount);
    TRY(check_path("mount target", target));
    const std::string clean = clean_path(target);
    TRY(check_target(clean));
    if (!targets.insert(clean).second) {
      return refuse("mount target",
                    fmt::format("\"{}\" twice", clean),
                    "one mount for each target",
                    "MOUNT_DUPLICATE");
    }
    if (const auto* bind = std::get_if<BindMount>(&mount)) {
      TRY(check_absolute_path(fmt::format("mount \"{}\" source", clean), bind->source));
    } else if (const auto* tmpfs = std::get_if<TmpfsMount>(&mount)) {
      TRY(check_tmpfs(*tmpfs));
    }
  }
  return {};
}

Result<std::vector<OpenedMount>> open_mounts(const MountRequest& request) {
  std::vector<OpenedMount> opened;
  for (std::size_t i = 0; i < request.config.mounts.size(); ++i) {
    const Mount& mount = request.config.mounts[i];
    if (std::holds_alternative<VolumeMount>(mount)) continue;
    TRY(check_target_in_root(request.root, clean_path(target_of(mount))));
    const auto* bind = std::get_if<BindMount>(&mount);
    TRY_ASSIGN(OpenedMount one,
               bind != nullptr ? open_bind(request, *bind)
                               : open_tmpfs(request, std::get<TmpfsMount>(mount)));
    one.position = i;
    opened.push_back(std::move(one));
  }
  return opened;
}

}  // namespace skerry::isolators
