#include "volumes/local/local_driver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "base/ids.h"
#include "os/directory.h"
#include "os/path.h"
#include "volumes/local/local_options.h"
#include "volumes/mountpoint.h"

namespace skerry::volumes {
namespace {

constexpr const char* kData = "data";
constexpr std::string_view kGonePrefix = ".gone-";

Result<> sync_dir(int dir, const std::string& what) {
  if (::fsync(dir) == 0) return {};
  return Error::from_errno(errno, fmt::format("write {} to disk", what));
}

/// Under another name until owner and mode are right: "data" is what says that the volume is there.
Result<> make_data(int dir, const LocalOptions& options) {
  constexpr const char* kNew = "new";
  if (::mkdirat(dir, kNew, 0700) != 0 && errno != EEXIST)
    return Error::from_errno(errno, "make data directory");
  TRY_ASSIGN(const UniqueFd data, os::open_beneath(dir, kNew, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (::fchown(data.get(), options.uid, options.gid) != 0)
    return Error::from_errno(errno, "change owner of the data directory");
  // After the owner, which clears setuid bits; and whatever the daemon's umask is.
  if (::fchmod(data.get(), options.mode) != 0)
    return Error::from_errno(errno, "change mode of the data directory");
  TRY(sync_dir(data.get(), "the data directory"));
  if (::renameat2(dir, kNew, dir, kData, RENAME_NOREPLACE) != 0 && errno != EEXIST)
    return Error::from_errno(errno, "name the data directory");
  return sync_dir(dir, "the volume's directory");
}

}  // namespace

Result<LocalDriver> LocalDriver::open(int root_dir, const std::string& root_path) {
  if (::mkdirat(root_dir, "volumes", 0700) != 0 && errno != EEXIST)
    return Error::from_errno(errno, "make directory \"volumes\"");
  TRY_ASSIGN(UniqueFd volumes, os::open_dir_at(root_dir, "volumes"));
  // Whatever made it: nobody but root walks in.
  if (::fchmod(volumes.get(), 0700) != 0)
    return Error::from_errno(errno, "change mode of \"volumes\"");
  return LocalDriver(std::move(volumes), root_path + "/volumes");
}

Result<Capabilities> LocalDriver::capabilities(const CallLimits& limits) {
  static_cast<void>(limits);
  return Capabilities{.scope = Scope::kLocal, .keeps_catalog = true};
}

Result<> LocalDriver::create(const Volume& volume, const CallLimits& limits) {
  static_cast<void>(limits);
  TRY(check_volume_name(volume.name));
  TRY_ASSIGN(const LocalOptions options, parse_local_options(volume.options));
  if (open_data(volume.name)) return {};
  if (::mkdirat(volumes_.get(), volume.name.c_str(), 0700) != 0 && errno != EEXIST)
    return Error::from_errno(errno, fmt::format("make volume \"local/{}\"", volume.name));
  TRY_ASSIGN(const UniqueFd dir,
             os::open_beneath(volumes_.get(), volume.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  auto made = make_data(dir.get(), options);
  if (!made) {
    if (!open_data(volume.name)) static_cast<void>(os::remove_tree(volumes_.get(), volume.name));
    return std::move(made).error().wrap(fmt::format("volume \"local/{}\"", volume.name));
  }
  return sync_dir(volumes_.get(), "\"volumes\"");
}

Result<> LocalDriver::remove(const Volume& volume, const CallLimits& limits) {
  static_cast<void>(limits);
  TRY(check_volume_name(volume.name));
  const std::string gone = fmt::format("{}{}", kGonePrefix, random_hex(16));
  if (::renameat2(
          volumes_.get(), volume.name.c_str(), volumes_.get(), gone.c_str(), RENAME_NOREPLACE) !=
      0) {
    if (errno == ENOENT) return {};
    return Error::from_errno(errno, fmt::format("retire volume \"local/{}\"", volume.name));
  }
  TRY(sync_dir(volumes_.get(), "\"volumes\""));
  auto removed = os::remove_tree(volumes_.get(), gone);
  if (removed) return {};
  return std::move(removed).error().wrap(fmt::format("delete volume \"local/{}\"", volume.name));
}

Result<VolumeInfo> LocalDriver::get(const Volume& volume, const CallLimits& limits) {
  static_cast<void>(limits);
  TRY(open_data(volume.name));
  return VolumeInfo{.name = volume.name, .mountpoint = data_path(volume.name), .created_at = {}};
}

Result<std::vector<VolumeInfo>> LocalDriver::list(const CallLimits& limits) {
  static_cast<void>(limits);
  TRY_ASSIGN(const auto names, entries());
  std::vector<VolumeInfo> out;
  for (const std::string& name : names) {
    if (!check_volume_name(name) || !open_data(name)) continue;
    out.push_back({.name = name, .mountpoint = data_path(name), .created_at = {}});
  }
  return out;
}

Result<Staged> LocalDriver::stage(const Volume& volume, const CallLimits& limits) {
  static_cast<void>(limits);
  TRY(open_data(volume.name));
  return Staged{.mountpoint = data_path(volume.name), .is_mount = false};
}

Result<Published> LocalDriver::publish(const Volume& volume,
                                       const Staged& staged,
                                       const PublishRequest& request,
                                       const CallLimits& limits) {
  static_cast<void>(limits);
  TRY_ASSIGN(const UniqueFd data, open_data(volume.name));
  // Device nodes a container makes in its volume open nothing, for it or for the next one.
  TRY_ASSIGN(UniqueFd mount, clone_for(request, data.get(), {.nodev = true}));
  return Published{.detached_mount = std::move(mount), .is_directory = true, .staged = staged};
}

Result<> LocalDriver::unstage(const Volume& volume,
                              const std::optional<Staged>& staged,
                              const CallLimits& limits) {
  static_cast<void>(volume);
  static_cast<void>(staged);
  static_cast<void>(limits);
  return {};
}

Result<LocalDriver::SweepReport> LocalDriver::sweep() const {
  TRY_ASSIGN(const auto names, entries());
  SweepReport report;
  for (const std::string& name : names) {
    if (!name.starts_with(kGonePrefix)) continue;
    const bool is_gone = os::remove_tree(volumes_.get(), name).has_value();
    ++(is_gone ? report.deleted : report.left);
  }
  return report;
}

Result<UniqueFd> LocalDriver::open_data(const std::string& name) const {
  TRY(check_volume_name(name));
  auto data =
      os::open_beneath(volumes_.get(), name + "/" + kData, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (data || data.error().sys_errno() != ENOENT) return data;
  return Error(Code::kNotFound, fmt::format("volume \"local/{}\" does not exist", name))
      .with_reason("VOLUME_NOT_FOUND");
}

std::string LocalDriver::data_path(const std::string& name) const {
  return fmt::format("{}/{}/{}", path_, name, kData);
}

Result<std::vector<std::string>> LocalDriver::entries() const {
  auto names = os::list_directory(volumes_.get());
  if (!names) return std::move(names).error().wrap("list \"volumes\"");
  return names;
}

}  // namespace skerry::volumes
