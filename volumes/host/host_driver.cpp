#include "volumes/host/host_driver.h"

#include <fmt/format.h>

#include "volumes/mountpoint.h"

namespace skerry::volumes {
namespace {

constexpr const char* kPath = "path";

Result<std::string> path_of(const Volume& volume) {
  TRY(refuse_unknown_options(volume.options, {kPath}));
  const auto path = volume.options.find(kPath);
  if (path != volume.options.end()) return path->second;
  return Error(Code::kInvalidArgument,
               fmt::format("volume \"host/{}\" needs the option \"path\"", volume.name))
      .with_reason("VOLUME_OPTION_INVALID");
}

}  // namespace

Result<os::ForeignPath> HostDriver::open(const Volume& volume, const CallLimits& limits) const {
  TRY_ASSIGN(const std::string path, path_of(volume));
  auto opened = paths_.open(path, limits);
  if (opened) return opened;
  auto error = std::move(opened).error().wrap(fmt::format("volume \"host/{}\"", volume.name));
  if (error.code() == Code::kNotFound) return std::move(error).with_reason("VOLUME_NOT_FOUND");
  return error;
}

Result<Capabilities> HostDriver::capabilities(const CallLimits& limits) {
  static_cast<void>(limits);
  return Capabilities{.scope = Scope::kLocal, .keeps_catalog = false};
}

Result<> HostDriver::create(const Volume& volume, const CallLimits& limits) {
  TRY(open(volume, limits));
  return {};
}

Result<> HostDriver::remove(const Volume& volume, const CallLimits& limits) {
  static_cast<void>(volume);
  static_cast<void>(limits);
  return {};
}

Result<VolumeInfo> HostDriver::get(const Volume& volume, const CallLimits& limits) {
  TRY_ASSIGN(const auto opened, open(volume, limits));
  TRY_ASSIGN(std::string real, real_path(opened.fd.get()));
  return VolumeInfo{.name = volume.name, .mountpoint = std::move(real), .created_at = {}};
}

Result<std::vector<VolumeInfo>> HostDriver::list(const CallLimits& limits) {
  static_cast<void>(limits);
  return std::vector<VolumeInfo>();
}

Result<Staged> HostDriver::stage(const Volume& volume, const CallLimits& limits) {
  TRY_ASSIGN(const auto opened, open(volume, limits));
  TRY_ASSIGN(std::string real, real_path(opened.fd.get()));
  return Staged{.mountpoint = std::move(real), .is_mount = opened.is_mount_root};
}

Result<Published> HostDriver::publish(const Volume& volume,
                                      const Staged& staged,
                                      const PublishRequest& request,
                                      const CallLimits& limits) {
  TRY_ASSIGN(const auto opened, open(volume, limits));
  // The operator unmounted what the volume is made of: the empty directory below it is not it.
  if (staged.is_mount && !opened.is_mount_root) {
    return Error(Code::kUnavailable,
                 fmt::format("volume \"host/{}\": nothing is mounted at \"{}\" any more",
                             volume.name,
                             staged.mountpoint))
        .with_reason("VOLUME_DISCONNECTED")
        .as_retryable();
  }
  TRY_ASSIGN(UniqueFd mount, clone_for(request, opened.fd.get(), {}));
  return Published{
      .detached_mount = std::move(mount), .is_directory = opened.is_directory, .staged = staged};
}

Result<> HostDriver::unstage(const Volume& volume,
                             const std::optional<Staged>& staged,
                             const CallLimits& limits) {
  static_cast<void>(volume);
  static_cast<void>(staged);
  static_cast<void>(limits);
  return {};
}

}  // namespace skerry::volumes
