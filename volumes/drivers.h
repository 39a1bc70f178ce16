// The volume drivers of this host, by name: those of ours, and whatever plugin answers to a name.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/foreign_path.h"
#include "volumes/plugin/client.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

/// Thread: any.
class Drivers final {
 public:
  /// Borrows `paths`. `own` are the drivers of ours; their names hide plugins of the same name.
  Drivers(std::vector<std::unique_ptr<VolumeDriver>> own,
          PluginSettings plugins,
          os::ForeignPaths& paths);

  /// Plugins are looked for only when asked for, by exact name, and are kept from then on; one that
  /// is not there now may be later. The driver lives as long as this does.
  /// Errors: INVALID_ARGUMENT, reason VOLUME_DRIVER_NAME_INVALID; find_plugin_socket's.
  /// Blocks: kernel; the plugin is not called.
  Result<VolumeDriver*> find(std::string_view name);

  /// The same for a driver that was used before: a plugin that is not there (any more) is found
  /// too, and its calls fail. Errors: INVALID_ARGUMENT, reason VOLUME_DRIVER_NAME_INVALID.
  Result<VolumeDriver*> recall(std::string_view name);

  /// Where the plugin listens; empty for a driver of ours. Errors: find_plugin_socket's.
  /// Blocks: kernel.
  Result<std::string> address_of(std::string_view name) const;

  /// Names of ours and of plugins that can be found now, sorted. Blocks: kernel; nothing is called.
  std::vector<std::string> list() const;

 private:
  VolumeDriver* known(std::string_view name) const;
  VolumeDriver* keep(std::string_view name);

  PluginSettings plugins_;
  os::ForeignPaths& paths_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<VolumeDriver>, std::less<>> drivers_;
  /// Of ours.
  std::vector<std::string> own_names_;
};

}  // namespace skerry::volumes
