// New limits and labels for a container: one update at a time, into the kernel first.

#include "agent/containers/manager.h"

namespace skerry::agent {

struct ContainerManager::UpdatePlan {
  skerry::v1::Resources wanted;
  isolators::Resources resources;
  std::optional<std::map<std::string, std::string>> labels;
  bool resources_change = false;
};

void ContainerManager::update(const skerry::v1::ContainerRef& ref,
                              const UpdateRequest& request,
                              Reply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  if ((*found)->updating) {
    // One after the other: what the kernel was told last has to be what is recorded last.
    auto idle = [](const Container& c) -> std::optional<Result<>> {
      if (!c.updating || c.gone) return Result<>();
      return std::nullopt;
    };
    auto again = [this, ref, request, reply = std::move(reply)](const Result<ViewPtr>&) {
      update(ref, request, reply);
    };
    return wait_until(**found, Waiter{.ready = std::move(idle), .reply = std::move(again)});
  }
  auto plan = plan_update(**found, request);
  if (!plan) return answer(std::move(reply), std::move(plan).error());
  apply_update(**found, std::move(*plan), std::move(reply));
}

Result<ContainerManager::UpdatePlan> ContainerManager::plan_update(
    Container& container, const UpdateRequest& request) const {
  if (request.expected_revision && *request.expected_revision != container.api().revision()) {
    return Error(Code::kAborted,
                 "the container is at revision " + std::to_string(container.api().revision()))
        .with_reason("REVISION");
  }
  if (container.launch) {
    return Error(Code::kFailedPrecondition, "the container is being launched")
        .with_reason("STATE")
        .as_retryable();
  }
  UpdatePlan plan;
  plan.labels = request.labels;
  plan.wanted = container.api().spec().resources();
  plan.resources_change = static_cast<bool>(request.resources);
  if (request.resources) TRY(request.resources(plan.wanted));
  TRY_ASSIGN(plan.resources, check_resources(plan.wanted, parts_.config));
  if (container.joined_pod()) {
    const auto seat = pods_->seat(container.spec.config.pod->uid);
    skerry::v1::ContainerSpec wanted;
    *wanted.mutable_resources() = plan.wanted;
    if (seat) TRY(fit_into_pod(wanted, *seat, plan.resources));
  }
  isolators::ContainerConfig changed = container.spec.config;
  changed.resources = plan.resources;
  for (const auto& isolator : parts_.host.isolators) {
    TRY(isolator->validate(changed, parts_.host.facts));
  }
  return plan;
}

// The kernel first, the record after it: what is recorded is what is in force.
void ContainerManager::apply_update(Container& container, UpdatePlan plan, Reply reply) {
  if (!plan.resources_change || !container.cgroup) {
    auto recorded = record_update(container, plan);
    if (!recorded) return answer(std::move(reply), std::move(recorded).error());
    return answer(std::move(reply), container.view);
  }
  isolators::ContainerConfig wanted = container.spec.config;
  wanted.resources = plan.resources;
  auto work = [this,
               uid = container.uid,
               group = container.cgroup,
               before = container.spec.config,
               wanted = std::move(wanted),
               plan = std::move(plan),
               reply,
               alive = std::weak_ptr(alive_)] {
    Result<> result = parts_.failpoints.hit("update.limits");
    for (const auto& isolator : parts_.host.isolators) {
      if (result) result = isolator->update(wanted, *group);
    }
    if (!result) {
      for (const auto& isolator : parts_.host.isolators) {
        static_cast<void>(isolator->update(before, *group));
      }
    }
    parts_.reactor.post([this, uid, plan, reply, result, alive]() mutable {
      if (!alive.lock()) return;
      Container* owner = find(uid);
      if (owner == nullptr) {
        return answer(reply, Error(Code::kNotFound, "the container is gone"));
      }
      if (result) {
        auto recorded = record_update(*owner, plan);
        if (!recorded) return restore_limits(*owner, std::move(recorded).error(), reply);
      }
      updated(*owner, reply, std::move(result));
    });
  };
  auto submitted = parts_.workers.submit(std::move(work));
  container.updating = submitted.has_value();
  if (!submitted) answer(std::move(reply), std::move(submitted).error());
}

// The next one goes on.
void ContainerManager::updated(Container& container, const Reply& reply, Result<> result) {
  container.updating = false;
  if (result) {
    answer(reply, container.view);
  } else {
    answer(reply, std::move(result).error());
  }
  check_waiters(container);
}

// What could not be recorded does not stay in force.
void ContainerManager::restore_limits(Container& container, Error why, const Reply& reply) {
  auto work = [this,
               uid = container.uid,
               group = container.cgroup,
               config = container.spec.config,
               why,
               reply,
               alive = std::weak_ptr(alive_)] {
    for (const auto& isolator : parts_.host.isolators) {
      static_cast<void>(isolator->update(config, *group));
    }
    parts_.reactor.post([this, uid, why, reply, alive] {
      if (!alive.lock()) return;
      Container* owner = find(uid);
      if (owner == nullptr) return answer(reply, why);
      updated(*owner, reply, why);
    });
  };
  if (parts_.workers.submit(std::move(work))) return;
  updated(container, reply, std::move(why));
}

Result<> ContainerManager::record_update(Container& container, const UpdatePlan& plan) {
  const Record before = container.record;
  skerry::v1::Container& api = container.api();
  api.set_generation(api.generation() + 1);
  *api.mutable_spec()->mutable_resources() = plan.wanted;
  *api.mutable_effective_resources() = effective_resources(plan.resources);
  if (plan.labels) {
    *api.mutable_labels() = {plan.labels->begin(), plan.labels->end()};
    *api.mutable_spec()->mutable_labels() = api.labels();
  }
  store::Transaction transaction = parts_.store.begin();
  record(transaction, container, make_event(container, skerry::v1::EVENT_TYPE_CONTAINER_UPDATED));
  auto committed = parts_.failpoints.hit("update.record");
  if (committed) committed = transaction.commit();
  if (!committed) {
    container.record = before;
    return committed;
  }
  container.spec.config.resources = plan.resources;
  changed(container);
  return {};
}

}  // namespace skerry::agent
