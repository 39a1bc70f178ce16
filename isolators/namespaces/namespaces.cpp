#include "isolators/namespaces/namespaces.h"

#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>

#include <fmt/format.h>

#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "namespaces";
/// __NEW_UTS_LEN of the kernel.
constexpr std::size_t kMaxHostname = 64;
constexpr std::size_t kDefaultHostname = 12;

bool is_hostname_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

bool is_hostname(std::string_view name) {
  return name.size() <= kMaxHostname && std::ranges::all_of(name, is_hostname_char) &&
         name.front() != '-' && name.front() != '.';
}

class NamespacesIsolator final : public Isolator {
 public:
  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& host) const override {
    if (!config.hostname.empty() && !is_hostname(config.hostname)) {
      return refuse("hostname",
                    fmt::format("\"{}\"", config.hostname),
                    "1 to 64 of [A-Za-z0-9._-], not starting with \"-\" or \".\"",
                    "HOSTNAME_INVALID");
    }
    if (!host.cgroup_namespaces) {
      return unsupported("cgroup namespace", "this kernel has none", "NO_CGROUP_NAMESPACE");
    }
    return {};
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    const std::uint64_t made = namespaces_of(context.config);
    context.plan.add_namespaces(made);
    // Not by clone3(): its v1 root would be the group the shim is in (see LaunchPlan).
    context.plan.plan().cgroup_namespace = true;
    if ((made & CLONE_NEWUTS) != 0) {
      context.plan.add(Phase::kNamespaces, plan::Hostname{.name = hostname_of(context.config)});
    }
    if (context.config.network == NetworkMode::kNone) {
      context.plan.add(Phase::kNamespaces, plan::LoopbackUp{});
    }
    return nothing_to_remember(kName);
  }
};

}  // namespace

std::unique_ptr<Isolator> make_namespaces_isolator() {
  return std::make_unique<NamespacesIsolator>();
}

// What the pod shares is joined (isolators/pod).
std::uint64_t namespaces_of(const ContainerConfig& config) {
  const JoinedPod* pod = config.pod ? &*config.pod : nullptr;
  std::uint64_t made = CLONE_NEWNS;
  if (pod == nullptr || !pod->shares_pid) made |= CLONE_NEWPID;
  if (pod == nullptr || !pod->shares_ipc) made |= CLONE_NEWIPC;
  if (pod == nullptr || !pod->shares_uts) made |= CLONE_NEWUTS;
  if (config.network == NetworkMode::kNone) made |= CLONE_NEWNET;
  return made;
}

std::string hostname_of(const ContainerConfig& config) {
  if (!config.hostname.empty()) return config.hostname;
  utsname names{};
  if (config.network == NetworkMode::kHost && ::uname(&names) == 0) return names.nodename;
  return config.uid.str().substr(0, kDefaultHostname);
}

}  // namespace skerry::isolators
