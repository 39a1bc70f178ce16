#include "agent/pods/pod_launch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "agent/containers/launch.h"
#include "agent/containers/shim_link.h"
#include "agent/pods/pod_init.h"
#include "isolators/network/network.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

using isolators::Checkpoint;
using isolators::NetworkMode;
using operations::Debt;
using operations::Step;
using runtime::CancelToken;
using namespace std::chrono_literals;

constexpr mode_t kPrivate = 0700;
constexpr auto kLauncherDeadline = 10s;
constexpr auto kKillDeadline = 10s;

using Job = std::shared_ptr<PodJob>;

Result<> make_dir(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), kPrivate) == 0 || errno == EEXIST) return {};
  return Error::from_errno(errno, "make directory \"" + name + "\"");
}

// --- create ---------------------------------------------------------------------------------

Result<> prepare_directories(PodJob& job, const Directories& directories) {
  if (!job.spec.log_directory.empty()) {
    const auto logs = os::open_dir(job.spec.log_directory);
    if (!logs) return logs.error();
  }
  TRY(make_dir(directories.pods.get(), job.uid.str()));
  TRY(make_dir(directories.run_pods.get(), job.uid.str()));
  return write_pod_record(directories, job.uid, job.record);
}

Result<> create_cgroup(PodJob& job, Host& host) {
  TRY(host.cgroups->make_branch(job.cgroup_path));
  TRY_ASSIGN(job.cgroup, host.cgroups->open(job.cgroup_path));
  return apply_pod_limits(host.isolators, job.spec.resources, nullptr, *job.cgroup);
}

plan::SandboxPlan sandbox_plan(const PodJob& job) {
  plan::SandboxPlan plan{
      .uid = job.uid.str(), .namespaces = job.spec.namespaces(), .operations = {}};
  // On the host's network it has the host's name, which a new namespace starts with.
  if (job.spec.shares_uts && job.spec.network != NetworkMode::kHost) {
    plan.operations.emplace_back(plan::Hostname{.name = job.hostname});
  }
  for (const auto& [key, value] : job.spec.sysctls) {
    plan.operations.emplace_back(plan::Sysctl{.key = key, .value = value});
  }
  return plan;
}

Result<> make_sandbox(PodJob& job, Host& host, CancelToken& cancel) {
  plan::SandboxPlan plan = sandbox_plan(job);
  if (plan.namespaces == 0) return {};
  if (job.spec.network == NetworkMode::kNetworks) {
    TRY_ASSIGN(job.sandbox,
               host.networks->attacher().attach({.uid = job.uid,
                                                 .sandbox = std::move(plan),
                                                 .settings = job.spec.settings,
                                                 .stop = cancel.stop_token()}));
    return {};
  }
  TRY_ASSIGN(Sandbox made, host.launcher->make_sandbox(plan, kLauncherDeadline));
  job.sandbox.net = std::move(made.net);
  job.sandbox.ipc = std::move(made.ipc);
  job.sandbox.uts = std::move(made.uts);
  return {};
}

// Version 0 stands for: whatever bears the uid.
Checkpoint network_checkpoint(const std::string& bytes) {
  return {.isolator = std::string(isolators::kNetworkIsolator),
          .version = bytes.empty() ? 0U : 1U,
          .bytes = bytes};
}

Step network_step(const Job& job, Host& host) {
  const auto owed = [job, &host]() { return host.networks->attacher().owed(job->uid); };
  const auto held = [job]() -> std::string {
    if (job->sandbox.record.attempt.empty()) return {};
    return encode_network_record(job->sandbox.record);
  };
  return Step{.name = "pod.network",
              .run = [job, &host](CancelToken& cancel) { return make_sandbox(*job, host, cancel); },
              .undo = [job, &host, owed]() -> Result<> {
                // It tried to take that back already; once more at once would only wait as long.
                if (owed()) return Error(Code::kAborted, "its own undo failed");
                const bool attached = !job->sandbox.record.attempt.empty();
                const isolators::NetworkRecord* record = attached ? &job->sandbox.record : nullptr;
                return host.networks->attacher().detach(job->uid, record);
              },
              .debt = [job, owed, held]() -> std::optional<Debt> {
                const auto left = owed();
                const std::string bytes = left ? encode_network_record(*left) : held();
                return isolator_debt(job->uid, network_checkpoint(bytes));
              },
              .undo_after_failure = true};
}

Result<> write_etc(const PodJob& job, const Host& host) {
  if (job.spec.network != NetworkMode::kNetworks) return {};
  return isolators::write_etc_files(
      job.scratch,
      isolators::etc_content(
          job.hostname, job.spec.settings, job.sandbox, host.networks->dns_servers()));
}

// --- debts ----------------------------------------------------------------------------------

Debt cgroup_debt(const Uid& uid, const os::CgroupPath& path) {
  return {.kind = std::string(kDebtCgroup), .key = path, .object = uid.str(), .record = {}};
}

Debt run_debt(const Uid& uid) {
  return {.kind = std::string(kDebtPodRun), .key = uid.str(), .object = uid.str(), .record = {}};
}

}  // namespace

void declare_pod_steps(operations::FailpointRegistry& failpoints) {
  for (const char* name : {"pod.directories", "pod.cgroup", "pod.network", "pod.init"}) {
    failpoints.declare_step(name);
  }
  for (const char* name : {"pod.etc",
                           "pod-end.processes",
                           "pod-end.network",
                           "pod-end.cgroup",
                           "pod-end.run",
                           "pod-remove.directory"}) {
    failpoints.declare_lasting_step(name);
  }
}

std::vector<Step> pod_steps(const Job& job, Host& host) {
  std::vector<Step> steps;
  // The directory on the disk stays, as the record does, until the pod is removed.
  steps.push_back(Step{
      .name = "pod.directories",
      .run = [job, &host](CancelToken&) { return prepare_directories(*job, host.directories); },
      .undo = [job,
               &host] { return os::remove_tree(host.directories.run_pods.get(), job->uid.str()); },
      .debt = [job]() -> std::optional<Debt> { return run_debt(job->uid); },
      .undo_after_failure = true});
  steps.push_back(Step{
      .name = "pod.cgroup",
      .run = [job, &host](CancelToken&) { return create_cgroup(*job, host); },
      .undo =
          [job, &host] {
            job->cgroup.reset();
            return host.cgroups->remove(job->cgroup_path);
          },
      .debt = [job]() -> std::optional<Debt> { return cgroup_debt(job->uid, job->cgroup_path); },
      .undo_after_failure = true});
  steps.push_back(network_step(job, host));
  steps.push_back(Step{.name = "pod.etc",
                       .run = [job, &host](CancelToken&) { return write_etc(*job, host); },
                       .undo = {},
                       .debt = {}});
  steps.push_back(
      Step{.name = "pod.init",
           .run = [job, &host](CancelToken& cancel) { return start_pod_init(*job, host, cancel); },
           .undo = [job, &host] { return end_pod_init(*job, *host.cgroups); },
           .debt = [job]() -> std::optional<Debt> {
             return cgroup_debt(job->uid, init_cgroup(job->cgroup_path));
           },
           .undo_after_failure = true});
  return steps;
}

std::vector<Step> pod_end_steps(const std::shared_ptr<PodEndJob>& job, Host& host) {
  std::vector<Step> steps;
  steps.push_back(paying_step(
      "pod-end.processes",
      job->owed,
      [job, &host] { return kill_and_wait(*host.cgroups, job->cgroup_path, kKillDeadline); },
      cgroup_debt(job->uid, job->cgroup_path)));
  steps.push_back(paying_step(
      "pod-end.network",
      job->owed,
      [job, &host]() -> Result<> {
        isolators::NetworkAttacher& attacher = host.networks->attacher();
        if (job->network.empty()) return attacher.detach(job->uid, nullptr);
        TRY_ASSIGN(const auto record, isolators::decode_network_record(job->network));
        return attacher.detach(job->uid, &record);
      },
      isolator_debt(job->uid, network_checkpoint(job->network))));
  steps.push_back(paying_step(
      "pod-end.cgroup",
      job->owed,
      [job, &host] { return host.cgroups->remove(job->cgroup_path); },
      cgroup_debt(job->uid, job->cgroup_path)));
  steps.push_back(paying_step(
      "pod-end.run",
      job->owed,
      [job, &host] { return os::remove_tree(host.directories.run_pods.get(), job->uid.str()); },
      run_debt(job->uid)));
  return steps;
}

Result<> apply_pod_limits(const isolators::IsolatorChain& isolators,
                          const isolators::Resources& wanted,
                          const isolators::Resources* before,
                          os::Cgroup& group) {
  isolators::ContainerConfig config;
  config.resources = wanted;
  Result<> applied;
  for (const auto& isolator : isolators) {
    if (applied) applied = isolator->update(config, group);
  }
  if (applied || before == nullptr) return applied;
  config.resources = *before;
  for (const auto& isolator : isolators) static_cast<void>(isolator->update(config, group));
  return applied;
}

Result<> write_pod_record(const Directories& directories, const Uid& uid, std::string_view bytes) {
  TRY_ASSIGN(const UniqueFd run, os::open_dir_at(directories.run_pods.get(), uid.str()));
  return os::write_file_atomic(run.get(), "record", bytes, 0600);
}

os::CgroupPath init_cgroup(const os::CgroupPath& pod) { return pod + "/init"; }

std::vector<std::string> pod_lanes(const CheckedPod& spec) {
  std::vector<std::string> lanes;
  if (spec.network != NetworkMode::kNetworks) return lanes;
  for (const isolators::NetworkWish& wish : spec.settings.networks) {
    lanes.push_back(isolators::network_lane(wish.network));
  }
  return lanes;
}

}  // namespace skerry::agent
