// From the public PodSpec of an explicit pod to the values the daemon works with. Pure: looks at
// nothing but its arguments, so that a request is refused before anything is recorded.
#pragma once

#include <map>
#include <string>

#include "agent/config/config.h"
#include "base/result.h"
#include "isolators/container_config.h"
#include "skerry/v1/pod_spec.pb.h"

namespace skerry::agent {

/// A spec that was checked, with every default filled in.
struct CheckedPod {
  std::string hostname;  ///< empty: chosen at acceptance
  isolators::NetworkMode network = isolators::NetworkMode::kNone;
  isolators::NetworkSettings settings;  ///< of kNetworks
  std::map<std::string, std::string> sysctls;
  bool shares_ipc = false;
  bool shares_pid = false;
  bool shares_uts = true;
  isolators::Resources resources;
  std::string log_directory;
  bool stop_on_failure = false;

  /// Namespaces that need no process, as CLONE_NEW*.
  std::uint64_t namespaces() const;
  bool needs_init() const { return shares_ipc || shares_pid; }
};

/// Errors: INVALID_ARGUMENT naming the field, reasons FIELD_UNKNOWN, FIELD_INVALID, PORT_REPEATED,
/// SYSCTL_REFUSED, LIMIT_TOO_SMALL; PERMISSION_DENIED, reason LOG_PATH_REFUSED. Blocks: never.
/// Thread: any.
Result<CheckedPod> check_pod_spec(const v1::PodSpec& spec, const config::Config& config);

/// Resources of a pod alone, for Update: without a limit where nothing is said. Errors as above.
Result<isolators::Resources> check_pod_resources(const v1::Resources& resources,
                                                 const config::Config& config);

}  // namespace skerry::agent
