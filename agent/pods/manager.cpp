#include "agent/pods/manager.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "agent/containers/record.h"

namespace skerry::agent {
namespace {

using skerry::v1::Event;
using skerry::v1::PodRef;

constexpr auto kSaveRetry = std::chrono::seconds(1);

Error not_found(const std::string& what) {
  return Error(Code::kNotFound, fmt::format("pod \"{}\" does not exist", what))
      .with_reason("POD_NOT_FOUND")
      .with_object("pod " + what);
}

}  // namespace

PodManager::PodManager(Parts parts) : parts_(parts) {
  parts_.reactor.on_turn_end([this, alive = std::weak_ptr(alive_)] {
    if (alive.lock()) end_turn();
  });
  parts_.containers.set_pods(*this);
  parts_.containers.on_change([this, alive = std::weak_ptr(alive_)](const Container& container) {
    if (alive.lock()) container_changed(container);
  });
  register_debts();
}

PodManager::~PodManager() = default;

void PodManager::declare_failpoints(operations::FailpointRegistry& failpoints) {
  declare_pod_steps(failpoints);
  for (const char* place : {"pod.stop",
                            "pod.told",
                            "pod-update.limits",
                            "pod-update.record",
                            "recovery.pods-load",
                            "recovery.pods"}) {
    failpoints.declare(place);
  }
}

// --- lookup ---------------------------------------------------------------------------------

Pod* PodManager::find(const Uid& uid) {
  const auto found = pods_.find(uid.str());
  return found == pods_.end() ? nullptr : found->second.get();
}

Result<Pod*> PodManager::find(const PodRef& ref) {
  const std::string tenant = ref.tenant().empty() ? "default" : ref.tenant();
  switch (ref.key_case()) {
    case PodRef::kUid: {
      const auto found = pods_.find(ref.uid());
      if (found == pods_.end()) return not_found(ref.uid());
      Pod* pod = found->second.get();
      if (!ref.tenant().empty() && pod->api().tenant() != tenant) return not_found(ref.uid());
      return pod;
    }
    case PodRef::kId: {
      const auto found = by_id_.find({tenant, ref.id()});
      if (found != by_id_.end()) return found->second;
      if (removed_ids_.contains({tenant, ref.id()})) {
        return not_found(ref.id()).with_reason("REMOVED");
      }
      return not_found(ref.id());
    }
    case PodRef::kName: {
      const auto found = by_name_.find({tenant, ref.name()});
      if (found == by_name_.end()) return not_found(ref.name());
      return found->second;
    }
    case PodRef::KEY_NOT_SET:
      break;
  }
  return Error(Code::kInvalidArgument, "pod: none of id, name and uid is set")
      .with_reason("FIELD_INVALID");
}

Pod& PodManager::insert(std::unique_ptr<Pod> pod) {
  Pod& added = *pod;
  const skerry::v1::Pod& api = added.api();
  by_id_[{api.tenant(), api.id()}] = &added;
  if (!api.name().empty()) by_name_[{api.tenant(), api.name()}] = &added;
  next_ordinal_ = std::max(next_ordinal_, added.record.ordinal() + 1);
  pods_[added.uid.str()] = std::move(pod);
  return added;
}

void PodManager::erase(Pod& pod) {
  const skerry::v1::Pod& api = pod.api();
  by_id_.erase({api.tenant(), api.id()});
  if (!api.name().empty()) by_name_.erase({api.tenant(), api.name()});
  parts_.board.change(pod.uid, nullptr);
  // By value: the key must not die with what it names.
  const std::string uid = pod.uid.str();
  pods_.erase(uid);
}

// --- transitions and transactions -----------------------------------------------------------

Result<> PodManager::transit(Pod& pod, PodTransition transition) {
  TRY_ASSIGN(const PodState next, next_state(pod.state(), transition));
  pod.api().set_state(static_cast<skerry::v1::PodState>(next));
  return {};
}

Event PodManager::make_event(const Pod& pod, skerry::v1::EventType type) const {
  const skerry::v1::Pod& api = pod.api();
  Event event;
  event.set_type(type);
  event.set_tenant(api.tenant());
  event.set_pod_uid(api.uid());
  event.set_pod_id(api.id());
  event.set_pod_name(api.name());
  *event.mutable_labels() = api.labels();
  return event;
}

// `from` is PodState{} for a pod that is new.
Event PodManager::state_event(const Pod& pod, PodState from) const {
  Event event = make_event(pod, skerry::v1::EVENT_TYPE_POD_STATE);
  event.set_old_pod_state(static_cast<skerry::v1::PodState>(from));
  event.set_pod_state(pod.api().state());
  event.set_pod_stop_cause(pod.api().stop_cause());
  event.set_message(pod.api().message());
  return event;
}

events::NewEvent PodManager::record(store::Transaction& transaction, Pod& pod, const Event& event) {
  pod.api().set_revision(pod.api().revision() + 1);
  Event numbered = event;
  numbered.set_revision(pod.api().revision());
  transaction.put(to_row(pod.record));
  events::NewEvent appended{.type = static_cast<std::uint32_t>(numbered.type()),
                            .object = pod.uid.str(),
                            .blob = numbered.SerializeAsString()};
  parts_.events.append(transaction, appended);
  return appended;
}

void PodManager::record_fact(Pod& pod, const Event& event, RecordMore<Pod> more) {
  store::Transaction transaction = parts_.store.begin();
  UnsavedFact<Pod> fact{.event = record(transaction, pod, event), .more = std::move(more)};
  if (fact.more) fact.more(pod, transaction);
  auto committed = parts_.failpoints.hit("pod.told");
  if (committed) committed = transaction.commit();
  if (!committed) {
    parts_.trace.error("cannot record what happened to a pod; will try again",
                       committed.error(),
                       {{"pod", pod.uid.str()}});
    save_later(pod, std::move(fact));
  }
  changed(pod);
}

void PodManager::record_networks(store::Transaction& transaction,
                                 Pod& pod,
                                 skerry::v1::EventType type) {
  for (const skerry::v1::AttachedNetwork& network : pod.api().networks()) {
    const bool left = type == skerry::v1::EVENT_TYPE_NETWORK_DETACHED;
    if (left && network.state() != skerry::v1::ATTACHMENT_STATE_DETACHED) continue;
    Event event = make_event(pod, type);
    event.set_network(network.network());
    *event.mutable_addresses() = network.addresses();
    record(transaction, pod, event);
  }
}

void PodManager::save_later(Pod& pod, UnsavedFact<Pod> fact) {
  pod.unsaved.push_back(std::move(fact));
  if (pod.save_timer) return;
  pod.save_timer = parts_.reactor.after(kSaveRetry, [this, uid = pod.uid] {
    Pod* unsaved = find(uid);
    if (unsaved == nullptr) return;
    unsaved->save_timer.reset();
    store::Transaction transaction = parts_.store.begin();
    transaction.put(to_row(unsaved->record));
    std::vector<UnsavedFact<Pod>> kept = std::exchange(unsaved->unsaved, {});
    for (const UnsavedFact<Pod>& each : kept) {
      parts_.events.append(transaction, each.event);
      if (each.more) each.more(*unsaved, transaction);
    }
    if (transaction.commit()) return;
    for (UnsavedFact<Pod>& again : kept) save_later(*unsaved, std::move(again));
  });
}

// --- telling --------------------------------------------------------------------------------

void PodManager::changed(Pod& pod) {
  auto view = std::make_shared<PodView>();
  view->ordinal = pod.record.ordinal();
  view->pod = pod.record.pod();
  view->has_init = pod.api().init_pid() != 0;
  pod.view = std::move(view);
  parts_.board.change(pod.uid, pod.view);
  check_waiters(pod);
}

void PodManager::check_waiters(Pod& pod) {
  for (auto waiter = pod.waiters.begin(); waiter != pod.waiters.end();) {
    std::optional<Result<>> verdict = waiter->ready(pod);
    if (!verdict) {
      ++waiter;
      continue;
    }
    const PodViewPtr view = pod.gone ? nullptr : pod.view;
    Result<PodViewPtr> result =
        *verdict ? Result<PodViewPtr>(view) : Result<PodViewPtr>(std::move(*verdict).error());
    answer(std::move(waiter->reply), std::move(result));
    waiter = pod.waiters.erase(waiter);
  }
}

void PodManager::wait_until(Pod& pod, PodWaiter waiter) {
  pod.waiters.push_back(std::move(waiter));
  check_waiters(pod);
}

void PodManager::answer(PodReply reply, Result<PodViewPtr> result) {
  answers_.emplace_back(std::move(reply), std::move(result));
}

// Publish first, answer then: who is told finds in the snapshot what he was told.
void PodManager::end_turn() {
  parts_.board.publish(parts_.events.head());
  auto answers = std::exchange(answers_, {});
  for (auto& [reply, result] : answers) {
    if (reply) reply(std::move(result));
  }
}

}  // namespace skerry::agent
