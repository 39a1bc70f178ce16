#include "agent/pods/pod_spec.h"

#include <sched.h>

#include <fmt/format.h>

#include "agent/containers/spec.h"
#include "agent/containers/spec_parts.h"
#include "agent/networks/pod_network.h"
#include "isolators/sysctls/sysctls.h"

namespace skerry::agent {
namespace {

using isolators::NetworkMode;

Error sysctl_refused(const std::string& key, std::string_view why) {
  return refused("spec.sysctls", fmt::format("\"{}\" {}", key, why), "SYSCTL_REFUSED");
}

// Which namespace a setting is of decides whether the pod has a say. Whether it is one that may be
// set at all, the isolator of that name knows.
Result<> check_sysctls(const v1::PodSpec& spec, CheckedPod& out) {
  for (const auto& [key, value] : spec.sysctls()) {
    const std::string path = isolators::sysctl_path(key);
    if (path.starts_with("net/")) {
      if (out.network == NetworkMode::kHost) {
        return sysctl_refused(key, "is of the host's network");
      }
    } else if (path == "kernel/domainname") {
      if (!out.shares_uts) return sysctl_refused(key, "needs shared.uts");
    } else if (!out.shares_ipc) {
      return sysctl_refused(key, "needs shared.ipc");
    }
    out.sysctls[path] = value;
  }
  return {};
}

Result<> check_log_directory(const std::string& text,
                             const config::Config& config,
                             CheckedPod& out) {
  if (text.empty()) return {};
  const std::filesystem::path path = std::filesystem::path(text).lexically_normal();
  if (!path.is_absolute()) {
    return invalid("spec.log_directory", fmt::format("\"{}\" is no absolute path", text));
  }
  TRY(check_log_place("spec.log_directory", path, config));
  out.log_directory = path.string();
  return {};
}

}  // namespace

std::uint64_t CheckedPod::namespaces() const {
  std::uint64_t made = 0;
  if (network != NetworkMode::kHost) made |= CLONE_NEWNET;
  if (shares_ipc) made |= CLONE_NEWIPC;
  if (shares_uts) made |= CLONE_NEWUTS;
  return made;
}

Result<isolators::Resources> check_pod_resources(const v1::Resources& resources,
                                                 const config::Config& config) {
  // The configured defaults are for containers.
  config::Config bare = config;
  bare.defaults = {};
  TRY_ASSIGN(isolators::Resources out, check_resources(resources, bare));
  if (resources.limits().pids().limit_case() == v1::PidsLimit::LIMIT_NOT_SET) {
    out.pids_limit.reset();
  }
  return out;
}

Result<CheckedPod> check_pod_spec(const v1::PodSpec& spec, const config::Config& config) {
  TRY(refuse_unknown_fields(spec, "spec"));
  TRY(check_labels(spec.labels(), "spec.labels"));
  TRY(check_annotations(spec.annotations(), "spec.annotations"));
  CheckedPod out;
  out.hostname = spec.hostname();
  if (!is_hostname(spec.hostname())) {
    return invalid("spec.hostname",
                   fmt::format("\"{}\" is not 1–64 characters of [A-Za-z0-9.-]", spec.hostname()));
  }
  TRY_ASSIGN(PodNetwork network, check_pod_network(spec, "spec", config.network));
  if (network.mode == NetworkMode::kHost && !spec.hostname().empty()) {
    return invalid("spec.hostname", "the host's network has the host's name");
  }
  out.network = network.mode;
  out.settings = std::move(network.settings);
  out.shares_ipc = spec.shared().ipc();
  out.shares_pid = spec.shared().pid();
  if (spec.shared().has_uts()) out.shares_uts = spec.shared().uts();
  TRY(check_sysctls(spec, out));
  TRY(check_log_directory(spec.log_directory(), config, out));
  TRY_ASSIGN(out.resources, check_pod_resources(spec.resources(), config));
  out.stop_on_failure = spec.stop_on_failure();
  return out;
}

}  // namespace skerry::agent
