// Paths of the host that containers may be given: only those below prefixes the operator allows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/foreign_path.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

/// Where the allow-list comes from.
struct HostPathRules {
  /// Absolute and real: compared, by whole components, with the path that symbolic links have led
  /// to ("/run/x", not "/var/run/x"). "/" allows all, none allows nothing.
  std::vector<std::string> allowed_prefixes = {};
  /// The key that sets them, for the refusal's message.
  std::string config_key = {};
};

/// Thread: any.
class HostPaths final {
 public:
  /// Borrows `paths`. Errors: INVALID_ARGUMENT, reason HOST_PATH_RULE_INVALID, for a prefix that is
  /// not absolute or has ".." in it.
  static Result<HostPaths> make(os::ForeignPaths& paths, HostPathRules rules);

  /// Opens `path`, following links, and checks where that led: what was checked is the descriptor's
  /// own path, so a link swapped in between changes nothing.
  /// Errors: INVALID_ARGUMENT, reason HOST_PATH_INVALID (not absolute, NUL); PERMISSION_DENIED,
  /// reason HOST_PATH_NOT_ALLOWED, naming the key to set; NOT_FOUND, reason HOST_PATH_NOT_FOUND;
  /// DEADLINE_EXCEEDED, reason PATH_HANGS. Blocks: up to the deadline.
  Result<os::ForeignPath> open(const std::string& path, const CallLimits& limits) const;

 private:
  HostPaths(os::ForeignPaths& paths, HostPathRules rules)
      : paths_(&paths), rules_(std::move(rules)) {}
  Result<> check_allowed(const std::string& path, const std::string& real) const;

  os::ForeignPaths* paths_;
  HostPathRules rules_;
};

}  // namespace skerry::volumes
