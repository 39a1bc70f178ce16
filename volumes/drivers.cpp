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

VolumeDriver* Drivers::known(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = drivers_.find(name);
  return found == drivers_.end() ? nullptr : found->second.get();
}

VolumeDriver* Drivers::keep(std::string_view name) {
  auto driver = std::make_unique<PluginDriver>(std::string(name), plugins_, paths_);
  const std::lock_guard lock(mutex_);
  return drivers_.try_emplace(std::string(name), std::move(driver)).first->second.get();
}

Result<VolumeDriver*> Drivers::find(std::string_view name) {
  TRY(check_driver_name(name));
  if (VolumeDriver* driver = known(name)) return driver;
  // A name without a plugin must not stay: names come from requests, and there are many.
  TRY(find_plugin_socket(plugins_.dirs, name));
  return keep(name);
}

Result<VolumeDriver*> Drivers::recall(std::string_view name) {
  TRY(check_driver_name(name));
  if (VolumeDriver* driver = known(name)) return driver;
  return keep(name);
}

Result<std::string> Drivers::address_of(std::string_view name) const {
  if (std::ranges::find(own_names_, name) != own_names_.end()) return std::string();
  return find_plugin_socket(plugins_.dirs, name);
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
