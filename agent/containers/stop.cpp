// Requests to a living container: signals, stop, pause and resume, new limits.

#include <signal.h>

#include "agent/containers/manager.h"
#include "base/check.h"
#include "os/cgroup/signal.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;
using skerry::v1::ContainerRef;

// A killed group that is still there is killed again: fork may have won a race, or v1 has no
// atomic kill.
constexpr auto kKillAgain = 2s;

Error not_running(const Container& container) {
  return Error(Code::kFailedPrecondition,
               "the container is " + std::string(state_name(container.state())))
      .with_reason("STATE")
      .with_object("container " + container.api().id());
}

std::optional<Result<>> has_exited(const Container& container) {
  if (container.state() == State::kExited || container.gone) return Result<>();
  return std::nullopt;
}

}  // namespace

// --- stop, kill -----------------------------------------------------------------------------

void ContainerManager::stop(const ContainerRef& ref, const StopRequest& request, Reply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  Container& container = **found;
  if (container.state() != State::kExited) {
    begin_stop(container,
               request.signal.value_or(container.spec.stop_signal),
               request.grace.value_or(container.spec.stop_grace));
  }
  wait_until(container, Waiter{.ready = has_exited, .reply = std::move(reply)});
}

void ContainerManager::begin_stop(Container& container,
                                  int signal,
                                  std::chrono::milliseconds grace) {
  const State from = container.state();
  container.record.set_stop_requested(true);
  if (container.launch) {
    // Still being made: the operation undoes itself and ends in exited.
    container.launch->cancel(Error(Code::kCancelled, "stopped").with_reason("STOPPED"));
    return;
  }
  if (!is_live(from)) return;
  CHECK(transit(container, Transition::kStop).has_value());
  record_fact(container, state_event(container, from));
  if (from == State::kCreated || grace == 0ms) return kill_all(container);
  auto sent = parts_.failpoints.hit("stop.signal");
  if (sent) sent = os::send_signal(container.process.pidfd.get(), signal);
  // Who cannot be asked is told.
  if (!sent) return kill_all(container);
  if (from == State::kPaused && container.cgroup) {
    // A frozen process takes no signal. Thawing may wait, so a worker does it.
    auto thaw = [group = container.cgroup] { static_cast<void>(group->thaw()); };
    if (!parts_.workers.submit(std::move(thaw))) return kill_all(container);
  }
  container.stop_timer = parts_.reactor.after(grace, [this, uid = container.uid] {
    Container* owner = find(uid);
    if (owner != nullptr) kill_all(*owner);
  });
}

void ContainerManager::kill_all(Container& container) {
  if (!is_live(container.state())) return;
  if (container.state() != State::kStopping) {
    const State from = container.state();
    if (transit(container, Transition::kStop)) record_fact(container, state_event(container, from));
  }
  const auto armed = parts_.failpoints.hit("stop.kill");
  if (armed && container.process.pidfd) {
    static_cast<void>(os::send_signal(container.process.pidfd.get(), SIGKILL));
  }
  // Two ways to the same end: the group's kill reaches what the process's did not.
  if (container.cgroup) {
    auto work = [group = container.cgroup] {
      static_cast<void>(group->kill());
      static_cast<void>(group->thaw());
    };
    static_cast<void>(parts_.workers.submit(std::move(work)));
  }
  repeat_kill(container);
}

void ContainerManager::repeat_kill(Container& container) {
  container.stop_timer = parts_.reactor.after(kKillAgain, [this, uid = container.uid] {
    Container* owner = find(uid);
    if (owner != nullptr && !owner->pending_exit) kill_all(*owner);
  });
}

void ContainerManager::kill(const ContainerRef& ref, int signal, bool all, Reply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  Container& container = **found;
  const bool has_process =
      container.state() == State::kStarting || container.state() == State::kRunning ||
      container.state() == State::kPaused || container.state() == State::kStopping;
  if (!has_process || !container.process.pidfd) {
    return answer(std::move(reply), not_running(container));
  }
  if (signal == SIGKILL) container.killed_on_request = true;
  if (signal == SIGKILL && all && container.cgroup) {
    return kill_group(container, std::move(reply));
  }
  auto sent = all && container.cgroup ? os::signal_processes(*container.cgroup, signal)
                                      : os::send_signal(container.process.pidfd.get(), signal);
  if (!sent) return answer(std::move(reply), std::move(sent).error());
  answer(std::move(reply), container.view);
}

// On v1 the group is frozen for it, which may take a second.
void ContainerManager::kill_group(const Container& container, Reply reply) {
  auto work =
      [this, uid = container.uid, group = container.cgroup, reply, alive = std::weak_ptr(alive_)] {
        auto killed = group->kill();
        parts_.reactor.post([this, uid, reply, killed = std::move(killed), alive] {
          if (!alive.lock()) return;
          if (!killed) return answer(reply, killed.error());
          const Container* owner = find(uid);
          answer(reply, owner != nullptr ? owner->view : ViewPtr());
        });
      };
  auto submitted = parts_.workers.submit(std::move(work));
  if (!submitted) answer(std::move(reply), std::move(submitted).error());
}

// --- pause, resume --------------------------------------------------------------------------

void ContainerManager::pause(const ContainerRef& ref, Reply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  if ((*found)->state() == State::kPaused) return answer(std::move(reply), (*found)->view);
  freeze_or_thaw(**found, Transition::kPause, std::move(reply));
}

void ContainerManager::resume(const ContainerRef& ref, Reply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  if ((*found)->state() == State::kRunning) return answer(std::move(reply), (*found)->view);
  freeze_or_thaw(**found, Transition::kResume, std::move(reply));
}

void ContainerManager::freeze_or_thaw(Container& container, Transition transition, Reply reply) {
  auto allowed = next_state(container.state(), transition);
  if (!allowed || !container.cgroup) {
    return answer(std::move(reply), allowed ? not_running(container) : std::move(allowed).error());
  }
  auto work = [this,
               uid = container.uid,
               group = container.cgroup,
               transition,
               reply,
               alive = std::weak_ptr(alive_)] {
    const bool is_pause = transition == Transition::kPause;
    auto result = parts_.failpoints.hit(is_pause ? "pause.freeze" : "resume.thaw");
    if (result) result = is_pause ? group->freeze() : group->thaw();
    // Half-frozen is neither: a freeze that failed is taken back.
    if (!result && is_pause) static_cast<void>(group->thaw());
    parts_.reactor.post([this, uid, transition, result, reply, alive] {
      if (alive.lock()) frozen_or_thawed(uid, transition, result, reply);
    });
  };
  auto submitted = parts_.workers.submit(std::move(work));
  if (!submitted) answer(std::move(reply), std::move(submitted).error());
}

void ContainerManager::frozen_or_thawed(const Uid& uid,
                                        Transition transition,
                                        Result<> result,
                                        const Reply& reply) {
  Container* container = find(uid);
  if (container == nullptr) {
    return answer(reply, Error(Code::kNotFound, "the container is gone").with_reason("REMOVED"));
  }
  if (!result) return answer(reply, std::move(result).error());
  const State from = container->state();
  auto moved = transit(*container, transition);
  // It ended or was stopped meanwhile; that state is the true one.
  if (!moved) return answer(reply, std::move(moved).error());
  record_fact(*container, state_event(*container, from));
  answer(reply, container->view);
}

// --- update ---------------------------------------------------------------------------------

struct ContainerManager::UpdatePlan {
  skerry::v1::Resources wanted;
  isolators::Resources resources;
  std::optional<std::map<std::string, std::string>> labels;
  bool resources_change = false;
};

void ContainerManager::update(const ContainerRef& ref, const UpdateRequest& request, Reply reply) {
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
