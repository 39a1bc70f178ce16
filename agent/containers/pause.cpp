// Pause and resume, one at a time for a container. A freeze waits for execs that are on their way
// in: a process that is frozen before it is the command neither arrives nor can be undone.

#include "agent/containers/manager.h"

namespace skerry::agent {
namespace {

using skerry::v1::ContainerRef;

Error gone() { return Error(Code::kNotFound, "the container is gone").with_reason("REMOVED"); }

}  // namespace

void ContainerManager::pause(const ContainerRef& ref, Reply reply) {
  change_freezer(ref, Transition::kPause, std::move(reply));
}

void ContainerManager::resume(const ContainerRef& ref, Reply reply) {
  change_freezer(ref, Transition::kResume, std::move(reply));
}

void ContainerManager::change_freezer(const ContainerRef& ref, Transition transition, Reply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  Container& container = **found;
  if (container.freezing) {
    auto again = [this, ref, transition, reply = std::move(reply)](const Result<ViewPtr>&) {
      change_freezer(ref, transition, reply);
    };
    auto settled = [](const Container& c) -> std::optional<Result<>> {
      if (!c.freezing || c.gone) return Result<>();
      return std::nullopt;
    };
    return wait_until(container, Waiter{.ready = std::move(settled), .reply = std::move(again)});
  }
  const bool is_pause = transition == Transition::kPause;
  if (container.state() == (is_pause ? State::kPaused : State::kRunning)) {
    return answer(std::move(reply), container.view);
  }
  auto allowed = next_state(container.state(), transition);
  if (!allowed) return answer(std::move(reply), std::move(allowed).error());
  container.freezing = true;
  if (!is_pause) return freeze_or_thaw(container, transition, reply);
  auto nobody_enters = [](const Container& c) -> std::optional<Result<>> {
    if (c.entering == 0 || c.gone) return Result<>();
    return std::nullopt;
  };
  auto freeze =
      [this, uid = container.uid, transition, reply = std::move(reply)](const Result<ViewPtr>&) {
        Container* owner = find(uid);
        if (owner == nullptr) return answer(reply, gone());
        freeze_or_thaw(*owner, transition, reply);
      };
  wait_until(container, Waiter{.ready = std::move(nobody_enters), .reply = std::move(freeze)});
}

void ContainerManager::freeze_or_thaw(Container& container,
                                      Transition transition,
                                      const Reply& reply) {
  // It may have ended while it waited.
  auto allowed = next_state(container.state(), transition);
  if (!allowed || !container.cgroup) {
    return freezer_settled(
        container, reply, allowed ? wrong_state(container) : Result<>(std::move(allowed).error()));
  }
  auto work = [this,
               uid = container.uid,
               attempt = container.api().attempt(),
               group = container.cgroup,
               transition,
               reply,
               alive = std::weak_ptr(alive_)] {
    const bool is_pause = transition == Transition::kPause;
    auto result = parts_.failpoints.hit(is_pause ? "pause.freeze" : "resume.thaw");
    if (result) result = is_pause ? group->freeze() : group->thaw();
    // Half-frozen is neither: a freeze that failed is taken back.
    if (!result && is_pause) static_cast<void>(group->thaw());
    parts_.reactor.post([this, uid, attempt, transition, result, reply, alive] {
      if (!alive.lock()) return;
      Container* owner = find(uid);
      // What was frozen is not what runs now.
      const bool is_over = owner != nullptr && owner->api().attempt() != attempt;
      if (is_over) return freezer_settled(*owner, reply, wrong_state(*owner, "started again"));
      frozen_or_thawed(uid, transition, result, reply);
    });
  };
  auto submitted = parts_.workers.submit(std::move(work));
  if (!submitted) freezer_settled(container, reply, std::move(submitted).error());
}

void ContainerManager::frozen_or_thawed(const Uid& uid,
                                        Transition transition,
                                        Result<> result,
                                        const Reply& reply) {
  Container* container = find(uid);
  if (container == nullptr) return answer(reply, gone());
  const State from = container->state();
  // It ended or was stopped meanwhile; that state is the true one.
  if (result) result = transit(*container, transition);
  if (result) record_fact(*container, state_event(*container, from));
  freezer_settled(*container, reply, std::move(result));
}

// The next one goes on.
void ContainerManager::freezer_settled(Container& container, const Reply& reply, Result<> result) {
  container.freezing = false;
  if (result) {
    answer(reply, container.view);
  } else {
    answer(reply, std::move(result).error());
  }
  check_waiters(container);
}

std::shared_ptr<const void> ContainerManager::keep_thawed(Container& container) {
  ++container.entering;
  const auto give_back = [this, uid = container.uid, alive = std::weak_ptr(alive_)](const void*) {
    Container* owner = alive.lock() ? find(uid) : nullptr;
    if (owner == nullptr) return;
    --owner->entering;
    check_waiters(*owner);
  };
  return {static_cast<const void*>(this), give_back};
}

}  // namespace skerry::agent
