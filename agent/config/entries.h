// The configuration key by key, for GetConfig.
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"

namespace skerry::config {

struct Entry {
  std::string key;     ///< "log.max_size"
  std::string value;   ///< as it is written in the file; empty: not set
  std::string origin;  ///< "default", "flag", or the name of the file
  bool operator==(const Entry&) const = default;
};

/// Every key there is, sorted.
std::vector<Entry> entries(const Config& config);

}  // namespace skerry::config
