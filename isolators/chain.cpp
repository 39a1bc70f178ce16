#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "isolators/capabilities/capabilities.h"
#include "isolators/capabilities/names.h"
#include "isolators/cgroup/cgroup.h"
#include "isolators/filesystem/filesystem.h"
#include "isolators/isolator.h"
#include "isolators/namespaces/namespaces.h"
#include "isolators/network/network.h"
#include "isolators/oom_score/oom_score.h"
#include "isolators/pod/pod.h"
#include "isolators/process/process.h"
#include "isolators/refusal.h"
#include "isolators/rlimits/rlimits.h"
#include "isolators/seccomp/seccomp.h"
#include "isolators/sysctls/sysctls.h"
#include "isolators/volumes/volumes.h"

namespace skerry::isolators {
namespace {

Result<> check_host(const os::HostFacts& host) {
  struct Need {
    bool there;
    std::string_view what;
  };
  const Need needs[] = {
      {host.has_cgroups, "control groups"},
      {host.openat2, "openat2(2)"},
      {host.clone3, "clone3(2)"},
      {host.move_mount, "move_mount(2)"},
      {host.mount_setattr, "mount_setattr(2)"},
      {host.cgroup_namespaces, "cgroup namespaces"},
  };
  for (const auto& need : needs) {
    if (!need.there) return unsupported(need.what, "this kernel has none", "HOST_UNSUPPORTED");
  }
  for (const std::string_view controller : {"cpu", "memory", "pids", "devices"}) {
    // v2 has no such controller: a program attached to the group does its work.
    if (controller == "devices" && host.cgroup_mode == os::CgroupMode::kV2) continue;
    if (std::ranges::find(host.cgroup_controllers, controller) == host.cgroup_controllers.end()) {
      return unsupported(fmt::format("cgroup controller \"{}\"", controller),
                         "not available on this host",
                         "HOST_UNSUPPORTED");
    }
  }
  return {};
}

/// As they are mounted together; none on v2.
Result<std::vector<std::string>> v1_hierarchies(const os::HostFacts& host) {
  std::vector<std::string> names;
  if (host.cgroup_mode == os::CgroupMode::kV2) return names;
  TRY_ASSIGN(const auto roots, os::find_cgroup_roots());
  for (const auto& [controllers, mount_point] : roots.hierarchies) names.push_back(controllers);
  return names;
}

}  // namespace

Result<IsolatorChain> make_isolators(const os::HostFacts& host, const ChainParts& parts) {
  TRY(check_host(host));
  TRY_ASSIGN(const int last_capability, read_last_capability());
  TRY_ASSIGN(const RlimitCeilings rlimit_ceilings, read_rlimit_ceilings());
  TRY_ASSIGN(auto hierarchies, v1_hierarchies(host));
  TRY_ASSIGN(auto seccomp, make_seccomp_isolator(last_capability));

  // An order that respects after(), which a test checks. What is cheap and fails first.
  IsolatorChain chain;
  chain.push_back(make_namespaces_isolator());
  chain.push_back(make_cpu_isolator());
  chain.push_back(make_memory_isolator(host));
  chain.push_back(make_pids_isolator());
  chain.push_back(make_devices_isolator());
  chain.push_back(make_rlimits_isolator(rlimit_ceilings));
  chain.push_back(make_sysctls_isolator());
  chain.push_back(make_oom_score_isolator());
  chain.push_back(make_filesystem_isolator(
      {.v1_hierarchies = std::move(hierarchies), .bind_sources = parts.bind_sources}));
  chain.push_back(make_process_isolator());
  chain.push_back(make_capabilities_isolator(last_capability));
  chain.push_back(std::move(seccomp));
  if (parts.pods != nullptr) chain.push_back(make_pod_isolator(*parts.pods));
  if (parts.volumes != nullptr) chain.push_back(make_volumes_isolator(*parts.volumes));
  // Last: it takes longest, and what could fail has not.
  if (parts.network != nullptr) chain.push_back(make_network_isolator(*parts.network));
  return chain;
}

}  // namespace skerry::isolators
