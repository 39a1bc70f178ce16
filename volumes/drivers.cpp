#include "volumes/drivers.h"

#include <algorithm>
#include <utility>

#include "volumes/plugin/discovery.h"
#include "volumes/plugin/plugin_driver.h"

namespace skerry::volumes {

Drivers::Drivers(std::vector<std::unique_ptr<VolumeDriver>> own,
                 PluginSettings plugins,
                 os::ForeignPaths& paths)
    : plugins_(std::move(plugins)), paths_(paths) {
  for (auto& driver : own) {
    std::string name(driver->name());
    own_names_.push_back(name);
    drivers_.emplace(std::move(name), std::move(driver));
  }
}

Result<VolumeDriver*> Drivers::find(std::string_view name) {
  TRY(check_driver_name(name));
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = drivers_.find(name); known != drivers_.end()) return known->second.get();
  }
  // A name without a plugin must not stay: names come from requests, and there are many.
  TRY(find_plugin_socket(plugins_.dirs, name));
  auto driver = std::make_unique<PluginDriver>(std::string(name), plugins_, paths_);
  const std::lock_guard lock(mutex_);
  return drivers_.try_emplace(std::string(name), std::move(driver)).first->second.get();
}

std::vector<std::string> Drivers::list() const {
  std::vector<std::string> names = list_plugins(plugins_.dirs);
  names.insert(names.end(), own_names_.begin(), own_names_.end());
  std::ranges::sort(names);
  const auto same = std::ranges::unique(names);
  names.erase(same.begin(), same.end());
  return names;
}

}  // namespace skerry::volumes
