// How a pod ends: its containers are stopped one after the other, the one that joined last first;
// then what it holds is given back, as one operation. And how it is removed.

#include <fmt/format.h>

#include "agent/containers/launch.h"
#include "agent/containers/record.h"
#include "agent/containers/trash_step.h"
#include "agent/networks/network_status.h"
#include "agent/pods/manager.h"
#include "base/check.h"
#include "isolators/network/network.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;
using operations::Debt;
using operations::Outcome;
using skerry::v1::PodRef;

constexpr auto kRetryAfter = 1s;

skerry::v1::ContainerRef ref_of(const Container& container) {
  skerry::v1::ContainerRef ref;
  ref.set_uid(container.uid.str());
  return ref;
}

bool is_over(const Container& container) {
  return container.gone || (container.state() == State::kExited && container.api().released());
}

}  // namespace

// Whoever pays: idempotent. The other kinds are those of containers.
void PodManager::register_debts() {
  Host& host = parts_.host;
  parts_.debts.handle(std::string(kDebtPodRun), [&host](const Debt& debt) {
    return os::remove_tree(host.directories.run_pods.get(), debt.key);
  });
}

// In a turn of its own: what calls may be in the middle of a change of the same object.
void PodManager::soon(const Uid& uid, void (PodManager::*what)(Pod&)) {
  parts_.reactor.post([this, uid, what, alive = std::weak_ptr(alive_)] {
    if (!alive.lock()) return;
    Pod* pod = find(uid);
    if (pod != nullptr) (this->*what)(*pod);
  });
}

// --- stop -----------------------------------------------------------------------------------

void PodManager::stop(const PodRef& ref,
                      std::optional<std::chrono::milliseconds> grace,
                      PodReply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  Pod& pod = **found;
  // Told once is enough, unless it is in more of a hurry now.
  if (pod.state() != PodState::kStopped && (pod.state() != PodState::kStopping || grace)) {
    if (grace) pod.grace = grace;
    begin_stop(pod, {.cause = skerry::v1::POD_STOP_CAUSE_STOPPED, .message = {}});
  }
  wait_until(pod,
             PodWaiter{.ready = [](const Pod& p) -> std::optional<Result<>> {
                         if (p.state() == PodState::kStopped || p.gone) return Result<>();
                         return std::nullopt;
                       },
                       .reply = std::move(reply)});
}

void PodManager::begin_stop(Pod& pod, const StopReason& reason) {
  pod.stop_requested = true;
  if (pod.making) {
    // Still being made: the operation undoes itself and ends in stopped.
    pod.making->cancel(Error(Code::kCancelled, "stopped").with_reason("STOPPED"));
    return;
  }
  const PodState from = pod.state();
  if (from == PodState::kStopped) return;
  if (from != PodState::kStopping) {
    CHECK(transit(pod, PodTransition::kStop).has_value());
    pod.api().set_stop_cause(reason.cause);
    // What the failed creation answered is kept.
    if (!reason.message.empty()) pod.api().set_message(reason.message);
    record_fact(pod, state_event(pod, from));
  } else {
    // In more of a hurry than before: the one that is being stopped is told again.
    pod.being_stopped = {};
  }
  const auto armed = parts_.failpoints.hit("pod.stop");
  if (armed) return stop_next(pod);
  pod.retry_timer = parts_.reactor.after(kRetryAfter, [this, uid = pod.uid] {
    Pod* owner = find(uid);
    if (owner != nullptr) stop_next(*owner);
  });
}

// Called again whenever a container of the pod changes.
void PodManager::stop_next(Pod& pod) {
  if (pod.state() != PodState::kStopping || pod.ending) return;
  const std::vector<Container*> all = members(pod.uid);
  const auto next = std::ranges::find_if_not(
      all.rbegin(), all.rend(), [](const Container* container) { return is_over(*container); });
  if (next == all.rend()) return begin_end(pod);
  const Container& container = **next;
  // What it gives back after its exit is waited for as well: its cgroup lies in the pod's.
  if (pod.being_stopped == container.uid || container.state() == State::kExited) return;
  pod.being_stopped = container.uid;
  parts_.containers.stop(ref_of(container), {.signal = {}, .grace = pod.grace}, {});
}

// --- the end --------------------------------------------------------------------------------

void PodManager::begin_end(Pod& pod) {
  pod.init_watch.reset();
  pod.ending = true;
  auto job = std::make_shared<PodEndJob>();
  job->uid = pod.uid;
  job->cgroup_path = pod.api().cgroup_path();
  job->network = pod.record.network();
  operations::Operation operation;
  operation.name = "pod-end";
  operation.object = pod.uid;
  operation.steps = pod_end_steps(job, parts_.host);
  operation.lanes = pod_lanes(pod.spec);
  operation.cancel = std::make_shared<runtime::CancelToken>();
  operation.done = [this, uid = pod.uid, job](Outcome outcome) {
    // An operation that broke off (workers full, a failpoint) owes everything: paying twice is
    // fine.
    const std::vector<Debt>& owed = outcome.ok() ? job->owed->debts : job->owed->all;
    outcome.debts.insert(outcome.debts.end(), owed.begin(), owed.end());
    if (!outcome.ok()) {
      parts_.trace.error(
          "the end of a pod broke off; it is owed now", *outcome.error, {{"pod", uid.str()}});
    }
    ended(uid, outcome);
  };
  store::Transaction transaction = parts_.store.begin();
  parts_.interpreter.start(transaction, std::move(operation));
  if (transaction.commit()) return;
  // No room for the journal: it has to wait.
  pod.ending = false;
  pod.retry_timer = parts_.reactor.after(kRetryAfter, [this, uid = pod.uid] {
    Pod* owner = find(uid);
    if (owner != nullptr) stop_next(*owner);
  });
}

void PodManager::ended(const Uid& uid, const Outcome& outcome) {
  Pod* pod = find(uid);
  CHECK(pod != nullptr);
  pod->ending = false;
  pod->cgroup.reset();
  pod->init = {};
  const PodState from = pod->state();
  CHECK(transit(*pod, PodTransition::kEnd).has_value());
  skerry::v1::Pod& api = pod->api();
  const std::string key = uid.str() + "/" + std::string(isolators::kNetworkIsolator);
  const bool owed =
      std::ranges::any_of(outcome.debts, [&](const Debt& debt) { return debt.key == key; });
  show_detached(owed, *api.mutable_networks(), *api.mutable_ports());
  pod->record.clear_network();
  api.set_released(true);
  api.set_init_pid(0);
  api.clear_cgroup_path();
  *api.mutable_stopped_at() = to_timestamp(parts_.clock.wall());
  record_fact(
      *pod, state_event(*pod, from), [this, outcome](Pod& owner, store::Transaction& transaction) {
        record_networks(transaction, owner, skerry::v1::EVENT_TYPE_NETWORK_DETACHED);
        record(transaction, owner, make_event(owner, skerry::v1::EVENT_TYPE_POD_RELEASED));
        parts_.interpreter.close(transaction, outcome);
      });
  plan_removal(*pod);
}

// --- removal --------------------------------------------------------------------------------

void PodManager::remove(const PodRef& ref, bool force, PodReply reply) {
  auto found = find(ref);
  if (!found) {
    // Removing what was removed succeeds; what never was is an error worth hearing.
    if (found.error().reason() == "REMOVED") return answer(std::move(reply), PodViewPtr());
    return answer(std::move(reply), std::move(found).error());
  }
  Pod& pod = **found;
  if (pod.state() != PodState::kStopped && !force) {
    return answer(std::move(reply),
                  Error(Code::kFailedPrecondition,
                        fmt::format("cannot remove a pod that is {}; stop it first, or use force",
                                    state_name(pod.state())))
                      .with_reason("STATE")
                      .with_object("pod " + pod.api().id()));
  }
  if (!pod.record.remove_requested()) {
    pod.record.set_remove_requested(true);
    store::Transaction transaction = parts_.store.begin();
    transaction.put(to_row(pod.record));
    auto committed = transaction.commit();
    if (!committed) {
      pod.record.set_remove_requested(false);
      return answer(std::move(reply), std::move(committed).error());
    }
  }
  pod.remove_error.reset();
  wait_until(pod,
             PodWaiter{.ready = [](const Pod& p) -> std::optional<Result<>> {
                         if (p.gone) return Result<>();
                         if (p.remove_error) return Result<>(*p.remove_error);
                         return std::nullopt;
                       },
                       .reply = std::move(reply)});
  if (pod.state() == PodState::kStopped) return plan_removal(pod);
  pod.grace = 0ms;
  begin_stop(pod, {.cause = skerry::v1::POD_STOP_CAUSE_STOPPED, .message = {}});
}

// Looks whether the pod may go now, and begins it. Called whenever that may have changed.
void PodManager::plan_removal(Pod& pod) {
  if (!pod.record.remove_requested() || pod.removing || pod.state() != PodState::kStopped) return;
  const std::vector<Container*> all = members(pod.uid);
  if (all.empty()) return begin_removal(pod);
  for (const Container* container : all) {
    if (container->removing || container->remove_requested) continue;
    parts_.containers.remove(
        ref_of(*container),
        /*force=*/true,
        [this, uid = pod.uid, alive = std::weak_ptr(alive_)](const Result<ViewPtr>& removed) {
          if (!alive.lock() || removed) return;
          Pod* owner = find(uid);
          if (owner != nullptr) removal_failed(*owner, removed.error());
        });
  }
}

void PodManager::begin_removal(Pod& pod) {
  pod.removing = true;
  operations::Operation operation;
  operation.name = "pod-remove";
  operation.object = pod.uid;
  auto trash_name = std::make_shared<std::string>();
  operation.steps.push_back(trash_step("pod-remove.directory",
                                       parts_.host.directories.pods.get(),
                                       pod.uid,
                                       parts_.host,
                                       trash_name));
  operation.cancel = std::make_shared<runtime::CancelToken>();
  operation.done = [this, uid = pod.uid, trash_name](const Outcome& outcome) {
    if (!trash_name->empty()) parts_.containers.trash().collect(*trash_name);
    removed(uid, outcome);
  };
  store::Transaction transaction = parts_.store.begin();
  parts_.interpreter.start(transaction, std::move(operation));
  auto committed = transaction.commit();
  if (!committed) removal_failed(pod, committed.error());
}

void PodManager::removed(const Uid& uid, const Outcome& outcome) {
  Pod* pod = find(uid);
  CHECK(pod != nullptr);
  const bool kept = !outcome.ok();
  const skerry::v1::Pod& api = pod->api();
  const WallTime now = parts_.clock.wall();
  store::Transaction transaction = parts_.store.begin();
  parts_.interpreter.close(transaction, outcome);
  if (!kept) {
    parts_.events.append(
        transaction,
        {.type = skerry::v1::EVENT_TYPE_POD_REMOVED,
         .object = uid.str(),
         .blob = make_event(*pod, skerry::v1::EVENT_TYPE_POD_REMOVED).SerializeAsString()});
    transaction.remove_object(kPodKind, uid.str());
    PodTombstone tombstone;
    tombstone.set_tenant(api.tenant());
    tombstone.set_id(api.id());
    tombstone.set_uid(uid.str());
    *tombstone.mutable_removed_at() = to_timestamp(now);
    transaction.put(to_row(tombstone));
  }
  const auto committed = transaction.commit();
  if (kept || !committed) return removal_failed(*pod, kept ? *outcome.error : committed.error());
  removed_ids_[{api.tenant(), api.id()}] = now;
  pod->gone = true;
  check_waiters(*pod);
  erase(*pod);
}

void PodManager::removal_failed(Pod& pod, const Error& error) {
  pod.removing = false;
  pod.record.set_remove_requested(false);
  // Or the next start would remove what its caller was told stays.
  store::Transaction transaction = parts_.store.begin();
  transaction.put(to_row(pod.record));
  const auto committed = transaction.commit();
  if (!committed) {
    parts_.trace.error("cannot record a pod", committed.error(), {{"pod", pod.uid.str()}});
  }
  pod.remove_error = error;
  parts_.trace.error("removal failed", error, {{"pod", pod.uid.str()}});
  changed(pod);
}

}  // namespace skerry::agent
