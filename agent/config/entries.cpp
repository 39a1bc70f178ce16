#include "agent/config/entries.h"

#include <map>
#include <sstream>

namespace skerry::config {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

// Of the text that to_string() makes: one "key = value" or "[section]" a line.
Values values_of(const Config& config) {
  constexpr std::string_view kEquals = " = ";
  // Those are left out of the text where they are not set.
  Values values = {{"defaults.cpus", ""},
                   {"defaults.memory", ""},
                   {"defaults.pids", ""},
                   {"volumes.host_paths", ""}};
  std::istringstream text(to_string(config));
  std::string section;
  std::string line;
  while (std::getline(text, line)) {
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') {
      section = line.substr(1, line.size() - 2) + ".";
      continue;
    }
    const std::size_t equals = line.find(kEquals);
    values[section + line.substr(0, equals)] = line.substr(equals + kEquals.size());
  }
  return values;
}

}  // namespace

std::vector<Entry> entries(const Config& config) {
  std::vector<Entry> all;
  for (auto& [key, value] : values_of(config)) {
    const auto origin = config.origins.by_key.find(key);
    const bool set = origin != config.origins.by_key.end();
    all.push_back({.key = key, .value = value, .origin = set ? origin->second : "default"});
  }
  return all;
}

}  // namespace skerry::config
