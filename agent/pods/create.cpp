// Creation: from a request to a pod containers can join.

#include <sys/epoll.h>
#include <sys/utsname.h>

#include <fmt/format.h>

#include "agent/containers/record.h"
#include "agent/networks/network_status.h"
#include "agent/pods/manager.h"
#include "base/check.h"
#include "isolators/network/network.h"

namespace skerry::agent {
namespace {

using isolators::NetworkMode;
using operations::Outcome;

constexpr std::size_t kHostnameDigits = 12;

std::optional<Result<>> creation_verdict(const Pod& pod) {
  if (pod.state() == PodState::kAccepted || pod.state() == PodState::kPreparing) {
    return std::nullopt;
  }
  if (pod.state() == PodState::kStopped &&
      pod.api().stop_cause() == skerry::v1::POD_STOP_CAUSE_CREATE_FAILED) {
    return Result<>(recorded_error(pod.record));
  }
  return Result<>();
}

std::string host_name() {
  utsname names{};
  return ::uname(&names) == 0 ? names.nodename : "";
}

std::string hostname_for(const Pod& pod) {
  if (!pod.spec.hostname.empty()) return pod.spec.hostname;
  if (pod.spec.network == NetworkMode::kHost) return host_name();
  return pod.uid.str().substr(0, kHostnameDigits);
}

bool is_owed(const Outcome& outcome, const Uid& uid) {
  const std::string key = uid.str() + "/" + std::string(isolators::kNetworkIsolator);
  return std::ranges::any_of(outcome.debts,
                             [&](const operations::Debt& debt) { return debt.key == key; });
}

}  // namespace

// --- acceptance -----------------------------------------------------------------------------

void PodManager::create(CreatePod request, PodReply reply) {
  if (request.tenant.empty()) request.tenant = "default";
  auto existing = find_existing(request);
  if (!existing) return answer(std::move(reply), std::move(existing).error());
  Pod* pod = *existing;
  if (pod == nullptr) {
    auto accepted = accept(request);
    if (!accepted) return answer(std::move(reply), std::move(accepted).error());
    Pod& fresh = **accepted;
    store::Transaction transaction = parts_.store.begin();
    begin_creation(fresh, transaction);
    auto recorded = transaction.commit();
    if (!recorded) return answer(std::move(reply), std::move(recorded).error().wrap("accept"));
    pod = &insert(std::move(*accepted));
    changed(*pod);
  }
  wait_until(*pod, PodWaiter{.ready = creation_verdict, .reply = std::move(reply)});
}

// Null: there is none of that id, and it may be made.
Result<Pod*> PodManager::find_existing(const CreatePod& request) {
  TRY(check_id("tenant", request.tenant));
  TRY(check_id("id", request.id));
  if (!request.name.empty()) TRY(check_id("name", request.name));
  const auto found = by_id_.find({request.tenant, request.id});
  if (found != by_id_.end()) {
    Pod* pod = found->second;
    if (pod->api().name() == request.name &&
        pod->record.spec_received() == deterministic_bytes(request.spec)) {
      return pod;
    }
    return Error(Code::kAlreadyExists,
                 fmt::format("pod \"{}\" exists with another spec or name", request.id))
        .with_reason("SPEC_DIFFERS")
        .with_object("pod " + request.id);
  }
  if (removed_ids_.contains({request.tenant, request.id})) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("pod \"{}\" was removed less than a day ago; a new one needs another "
                             "id",
                             request.id))
        .with_reason("REMOVED")
        .with_object("pod " + request.id);
  }
  const auto named = by_name_.find({request.tenant, request.name});
  if (!request.name.empty() && named != by_name_.end()) {
    return Error(Code::kAlreadyExists,
                 fmt::format("the name \"{}\" belongs to pod {}",
                             request.name,
                             named->second->uid.str().substr(0, kHostnameDigits)))
        .with_reason("NAME_TAKEN")
        .with_object("pod " + request.name);
  }
  return nullptr;
}

Result<std::unique_ptr<Pod>> PodManager::accept(CreatePod& request) {
  auto pod = std::make_unique<Pod>();
  pod->uid = Uid::make();
  pod->spec = std::move(request.checked);
  pod->spec.settings.owner = "pod " + request.id;
  TRY(validate(*pod));
  PodRecord& record = pod->record;
  record.set_ordinal(next_ordinal_++);
  record.set_spec_received(deterministic_bytes(request.spec));
  record.set_boot_id(parts_.host.facts.boot_id);
  skerry::v1::Pod& api = pod->api();
  api.set_tenant(request.tenant);
  api.set_id(request.id);
  api.set_name(request.name);
  api.set_uid(pod->uid.str());
  api.set_generation(1);
  api.set_state(skerry::v1::POD_STATE_ACCEPTED);
  *api.mutable_labels() = request.spec.labels();
  *api.mutable_created_at() = to_timestamp(parts_.clock.wall());
  api.set_hostname(hostname_for(*pod));
  api.set_cgroup_path(parts_.host.parent + "/" + pod->uid.str());
  *api.mutable_effective_resources() = effective_resources(pod->spec.resources);
  show_attaching(pod->spec.settings, *api.mutable_networks(), *api.mutable_ports());
  *api.mutable_spec() = std::move(request.spec);
  return pod;
}

// What isolators know of limits and kernel settings holds for pods as well.
Result<> PodManager::validate(const Pod& pod) const {
  isolators::ContainerConfig config;
  config.uid = pod.uid;
  config.hostname = pod.spec.hostname;
  config.resources = pod.spec.resources;
  config.network = pod.spec.network;
  config.network_settings = pod.spec.settings;
  config.sysctls = pod.spec.sysctls;
  for (const auto& isolator : parts_.host.isolators) {
    const std::string_view name = isolator->name();
    const bool concerns_pods = name.starts_with("cgroup/") || name == "sysctls" ||
                               name == "namespaces" || name == isolators::kNetworkIsolator;
    if (concerns_pods) TRY(isolator->validate(config, parts_.host.facts));
  }
  return {};
}

// --- creation -------------------------------------------------------------------------------

void PodManager::begin_creation(Pod& pod, store::Transaction& transaction) {
  record(transaction, pod, state_event(pod, PodState{}));
  CHECK(transit(pod, PodTransition::kPrepare).has_value());
  record(transaction, pod, state_event(pod, PodState::kAccepted));
  pod.making = std::make_shared<runtime::CancelToken>();
  auto job = std::make_shared<PodJob>();
  job->uid = pod.uid;
  job->spec = pod.spec;
  job->hostname = pod.api().hostname();
  job->cgroup_path = pod.api().cgroup_path();
  job->scratch = parts_.host.directories.root + "/pods/" + pod.uid.str();
  job->record = pod.record.SerializeAsString();
  operations::Operation operation;
  operation.name = "pod";
  operation.object = pod.uid;
  operation.steps = pod_steps(job, parts_.host);
  operation.lanes = pod_lanes(pod.spec);
  operation.cancel = pod.making;
  operation.done = [this, uid = pod.uid, job](const Outcome& outcome) {
    created(uid, job, outcome);
  };
  parts_.interpreter.start(transaction, std::move(operation));
}

void PodManager::created(const Uid& uid,
                         const std::shared_ptr<PodJob>& job,
                         const Outcome& outcome) {
  // A pod is not removed while an operation on it runs.
  Pod* pod = find(uid);
  CHECK(pod != nullptr);
  pod->making.reset();
  if (outcome.ok()) {
    creation_succeeded(*pod, *job, outcome);
  } else {
    creation_failed(*pod, outcome);
  }
}

void PodManager::creation_succeeded(Pod& pod, PodJob& job, const Outcome& outcome) {
  pod.cgroup = std::move(job.cgroup);
  pod.init = std::move(job.process);
  skerry::v1::Pod& api = pod.api();
  if (pod.init.pidfd) {
    api.set_init_pid(static_cast<std::uint32_t>(pod.init.pid));
    pod.record.set_init_start_ticks(pod.init.start_ticks);
  }
  const isolators::NetworkRecord& network = job.sandbox.record;
  if (!network.attempt.empty()) {
    pod.record.set_network(encode_network_record(network));
    show_attached(network, *api.mutable_networks(), *api.mutable_ports());
  }
  const PodState from = pod.state();
  CHECK(transit(pod, PodTransition::kReady).has_value());
  *api.mutable_ready_at() = to_timestamp(parts_.clock.wall());
  record_fact(
      pod, state_event(pod, from), [this, outcome](Pod& owner, store::Transaction& transaction) {
        record_networks(transaction, owner, skerry::v1::EVENT_TYPE_NETWORK_ATTACHED);
        parts_.interpreter.close(transaction, outcome);
      });
  // For a daemon whose state.db is lost; it is a file on a tmpfs.
  auto written = write_pod_record(parts_.host.directories, pod.uid, pod.record.SerializeAsString());
  if (!written) {
    parts_.trace.error("cannot write a pod's record", written.error(), {{"pod", pod.uid.str()}});
  }
  watch_init(pod);
  // A stop that came while the last step ran has cancelled nothing any more.
  if (pod.stop_requested)
    begin_stop(pod, {.cause = skerry::v1::POD_STOP_CAUSE_STOPPED, .message = {}});
}

// The operation has undone everything already, or it is on the list of debts.
void PodManager::creation_failed(Pod& pod, const Outcome& outcome) {
  const PodState from = pod.state();
  CHECK(transit(pod, PodTransition::kFail).has_value());
  skerry::v1::Pod& api = pod.api();
  if (pod.stop_requested) {
    api.set_stop_cause(skerry::v1::POD_STOP_CAUSE_STOPPED);
    api.set_message("stopped before it was ready");
  } else {
    record_error(pod, *outcome.error);
    parts_.trace.error("pod not created", *outcome.error, {{"pod", pod.uid.str()}});
  }
  show_detached(is_owed(outcome, pod.uid), *api.mutable_networks(), *api.mutable_ports());
  api.set_released(true);
  api.clear_cgroup_path();
  *api.mutable_stopped_at() = to_timestamp(parts_.clock.wall());
  record_fact(pod, state_event(pod, from), [this, outcome](Pod&, store::Transaction& transaction) {
    parts_.interpreter.close(transaction, outcome);
  });
  plan_removal(pod);
}

void PodManager::record_error(Pod& pod, const Error& error) {
  skerry::v1::Pod& api = pod.api();
  api.set_stop_cause(skerry::v1::POD_STOP_CAUSE_CREATE_FAILED);
  api.set_message(error.message());
  *api.mutable_error() = to_detail(error);
  pod.record.set_error_code(static_cast<int>(error.code()));
}

// --- the init -------------------------------------------------------------------------------

void PodManager::watch_init(Pod& pod) {
  if (!pod.init.pidfd) return;
  auto watch =
      parts_.reactor.watch(pod.init.pidfd.get(), EPOLLIN, [this, uid = pod.uid](std::uint32_t) {
        Pod* owner = find(uid);
        if (owner != nullptr) on_init_gone(*owner);
      });
  if (watch) {
    pod.init_watch = std::move(*watch);
    return;
  }
  // Without a watch its end would go unseen: better to end the pod now.
  parts_.trace.error("cannot watch a pod's init", watch.error(), {{"pod", pod.uid.str()}});
  on_init_gone(pod);
}

void PodManager::on_init_gone(Pod& pod) {
  pod.init_watch.reset();
  if (pod.state() != PodState::kReady) return;
  begin_stop(pod,
             {.cause = skerry::v1::POD_STOP_CAUSE_INIT_LOST,
              .message = "the process that held its namespaces died"});
}

}  // namespace skerry::agent
