// A Docker volume plugin (protocol v1) as a driver.
//
// One Mount for each volume and host, with an id that stays the same; containers share it. Plugins
// count in memory, by name, by id or not at all, and forget when they restart, so nothing is built
// on their counts, and what they answer is compared with the kernel:
//  - Path answers for volumes that are not mounted too: a volume is taken for mounted when a file
//    system is.
//  - A Mount that is refused because the volume is mounted already has succeeded.
//  - A Mount that returned a directory where nothing is mounted is fine (plugins of plain
//    directories); but once something was mounted there, its absence means that the plugin lost it,
//    and publish() mounts again.
//  - An Unmount that is refused has succeeded when nothing is mounted (any more).
//  - A dead FUSE mount, which a plugin that was killed leaves behind and often cannot mount
//    over, is taken off by unstage().
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "os/foreign_path.h"
#include "volumes/plugin/client.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

class PluginDriver final : public VolumeDriver {
 public:
  /// Borrows `paths`.
  PluginDriver(std::string name, PluginSettings settings, os::ForeignPaths& paths)
      : client_(std::move(name), std::move(settings)), paths_(paths) {}

  std::string_view name() const override { return client_.name(); }
  /// Kept from the first answer on. A plugin without that call is local.
  Result<Capabilities> capabilities(const CallLimits& limits) override;
  Result<> create(const Volume& volume, const CallLimits& limits) override;
  Result<> remove(const Volume& volume, const CallLimits& limits) override;
  Result<VolumeInfo> get(const Volume& volume, const CallLimits& limits) override;
  Result<std::vector<VolumeInfo>> list(const CallLimits& limits) override;
  Result<Staged> stage(const Volume& volume, const CallLimits& limits) override;
  Result<Published> publish(const Volume& volume,
                            const Staged& staged,
                            const PublishRequest& request,
                            const CallLimits& limits) override;
  Result<> unstage(const Volume& volume,
                   const std::optional<Staged>& staged,
                   const CallLimits& limits) override;

 private:
  /// What the kernel says about a mountpoint.
  enum class Presence : std::uint8_t { kNothing, kDirectory, kMount, kDeadMount };

  std::string mount_id(const Volume& volume) const;
  Error named(Error error, const Volume& volume) const;
  /// The error of a call, or NOT_FOUND if the plugin's list shows that it knows no such volume.
  Error explain(Error error, const Volume& volume, const CallLimits& limits);
  Result<std::string> path_of(const Volume& volume, const CallLimits& limits);
  Result<std::string> mount(const Volume& volume, const CallLimits& limits);
  Result<Presence> look(const std::string& mountpoint, const CallLimits& limits);
  Result<> settle_unmount(Error refusal,
                          const Volume& volume,
                          const std::optional<Staged>& staged,
                          const CallLimits& limits);

  PluginClient client_;
  os::ForeignPaths& paths_;
  std::mutex mutex_;
  std::optional<Capabilities> capabilities_;
};

}  // namespace skerry::volumes
