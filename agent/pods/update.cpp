// New limits and labels for a pod that has not stopped.

#include "agent/containers/record.h"
#include "agent/pods/manager.h"

namespace skerry::agent {
namespace {

// Cgroup v1 refuses a quota below one of a group within; this says so on every kind of host.
Result<> check_members(const std::vector<Container*>& members, const isolators::Resources& wanted) {
  if (!wanted.cpu_limit) return {};
  for (const Container* container : members) {
    const auto& own = container->spec.config.resources.cpu_limit;
    if (!is_live(container->state()) || !own || *own <= *wanted.cpu_limit) continue;
    return Error(Code::kFailedPrecondition,
                 "resources.limits.cpu: container \"" + container->api().id() + "\" may use " +
                     std::to_string(own->value()) + " mCPU; update it first")
        .with_reason("BELOW_MEMBER")
        .with_object("container " + container->api().id());
  }
  return {};
}

}  // namespace

struct PodManager::UpdatePlan {
  skerry::v1::Resources wanted;
  isolators::Resources resources;
  std::optional<std::map<std::string, std::string>> labels;
  bool resources_change = false;
};

void PodManager::update(const skerry::v1::PodRef& ref,
                        const UpdateRequest& request,
                        PodReply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  if ((*found)->updating) {
    // One after the other: what the kernel was told last has to be what is recorded last.
    auto idle = [](const Pod& pod) -> std::optional<Result<>> {
      if (!pod.updating || pod.gone) return Result<>();
      return std::nullopt;
    };
    auto again = [this, ref, request, reply = std::move(reply)](const Result<PodViewPtr>&) {
      update(ref, request, reply);
    };
    return wait_until(**found, PodWaiter{.ready = std::move(idle), .reply = std::move(again)});
  }
  auto plan = plan_update(**found, request);
  if (!plan) return answer(std::move(reply), std::move(plan).error());
  apply_update(**found, std::move(*plan), std::move(reply));
}

Result<PodManager::UpdatePlan> PodManager::plan_update(const Pod& pod,
                                                       const UpdateRequest& request) const {
  if (request.expected_revision && *request.expected_revision != pod.api().revision()) {
    return Error(Code::kAborted, "the pod is at revision " + std::to_string(pod.api().revision()))
        .with_reason("REVISION");
  }
  if (pod.state() != PodState::kReady) {
    return Error(Code::kFailedPrecondition, "the pod is " + std::string(state_name(pod.state())))
        .with_reason("STATE")
        .with_object("pod " + pod.api().id());
  }
  UpdatePlan plan;
  plan.labels = request.labels;
  plan.wanted = pod.api().spec().resources();
  plan.resources_change = static_cast<bool>(request.resources);
  if (request.resources) TRY(request.resources(plan.wanted));
  TRY_ASSIGN(plan.resources, check_pod_resources(plan.wanted, parts_.config));
  TRY(check_members(members(pod.uid), plan.resources));
  isolators::ContainerConfig changed;
  changed.resources = plan.resources;
  for (const auto& isolator : parts_.host.isolators) {
    if (!isolator->name().starts_with("cgroup/")) continue;
    TRY(isolator->validate(changed, parts_.host.facts));
  }
  return plan;
}

// The kernel first, the record after it: what is recorded is what is in force.
void PodManager::apply_update(Pod& pod, UpdatePlan plan, PodReply reply) {
  if (!plan.resources_change || !pod.cgroup) {
    auto recorded = record_update(pod, plan);
    if (!recorded) return answer(std::move(reply), std::move(recorded).error());
    return answer(std::move(reply), pod.view);
  }
  auto work = [this,
               uid = pod.uid,
               group = pod.cgroup,
               before = pod.spec.resources,
               plan = std::move(plan),
               reply,
               alive = std::weak_ptr(alive_)] {
    Result<> applied = parts_.failpoints.hit("pod-update.limits");
    if (applied) {
      applied = apply_pod_limits(parts_.host.isolators, plan.resources, &before, *group);
    }
    parts_.reactor.post([this, uid, plan, reply, result = std::move(applied), alive]() mutable {
      if (!alive.lock()) return;
      Pod* owner = find(uid);
      if (owner == nullptr) {
        return answer(reply, Error(Code::kNotFound, "the pod is gone").with_reason("REMOVED"));
      }
      if (result) {
        auto recorded = record_update(*owner, plan);
        if (!recorded) return restore_limits(*owner, std::move(recorded).error(), reply);
      }
      updated(*owner, reply, std::move(result));
    });
  };
  auto submitted = parts_.workers.submit(std::move(work));
  pod.updating = submitted.has_value();
  if (!submitted) answer(std::move(reply), std::move(submitted).error());
}

// The next one goes on.
void PodManager::updated(Pod& pod, const PodReply& reply, Result<> result) {
  pod.updating = false;
  if (result) {
    answer(reply, pod.view);
  } else {
    answer(reply, std::move(result).error());
  }
  check_waiters(pod);
}

// What could not be recorded does not stay in force.
void PodManager::restore_limits(Pod& pod, Error why, const PodReply& reply) {
  auto work = [this,
               uid = pod.uid,
               group = pod.cgroup,
               resources = pod.spec.resources,
               why,
               reply,
               alive = std::weak_ptr(alive_)] {
    static_cast<void>(apply_pod_limits(parts_.host.isolators, resources, nullptr, *group));
    parts_.reactor.post([this, uid, why, reply, alive] {
      if (!alive.lock()) return;
      Pod* owner = find(uid);
      if (owner == nullptr) return answer(reply, why);
      updated(*owner, reply, why);
    });
  };
  if (parts_.workers.submit(std::move(work))) return;
  updated(pod, reply, std::move(why));
}

Result<> PodManager::record_update(Pod& pod, const UpdatePlan& plan) {
  const PodRecord before = pod.record;
  skerry::v1::Pod& api = pod.api();
  api.set_generation(api.generation() + 1);
  if (plan.resources_change) *api.mutable_spec()->mutable_resources() = plan.wanted;
  *api.mutable_effective_resources() = effective_resources(plan.resources);
  if (plan.labels) {
    *api.mutable_labels() = {plan.labels->begin(), plan.labels->end()};
    *api.mutable_spec()->mutable_labels() = api.labels();
  }
  store::Transaction transaction = parts_.store.begin();
  record(transaction, pod, make_event(pod, skerry::v1::EVENT_TYPE_POD_UPDATED));
  auto committed = parts_.failpoints.hit("pod-update.record");
  if (committed) committed = transaction.commit();
  if (!committed) {
    pod.record = before;
    return committed;
  }
  pod.spec.resources = plan.resources;
  changed(pod);
  return {};
}

}  // namespace skerry::agent
