#include "agent/containers/manager.h"

#include <algorithm>

#include <fmt/format.h>

#include "isolators/namespaces/namespaces.h"

namespace skerry::agent {
namespace {

using skerry::v1::ContainerRef;
using skerry::v1::Event;

constexpr auto kSaveRetry = std::chrono::seconds(1);

std::string tenant_or_default(const std::string& tenant) {
  return tenant.empty() ? "default" : tenant;
}

Error not_found(const std::string& what) {
  return Error(Code::kNotFound, fmt::format("container \"{}\" does not exist", what))
      .with_reason("CONTAINER_NOT_FOUND")
      .with_object("container " + what);
}

std::optional<Result<>> launch_verdict(const Container& container, LaunchGoal goal) {
  const State state = container.state();
  if (state == State::kExited) {
    if (container.api().exit().cause() == skerry::v1::EXIT_CAUSE_LAUNCH_FAILED) {
      return Result<>(recorded_error(container.record));
    }
    return Result<>();
  }
  if (goal == LaunchGoal::kAccepted) return Result<>();
  if (state == State::kStopping) return Result<>();
  if (state == State::kAccepted || state == State::kPreparing) return std::nullopt;
  // A container that was created to be held never gets further by itself.
  if (goal == LaunchGoal::kCreated || container.record.hold()) return Result<>();
  if (state == State::kRunning || state == State::kPaused) return Result<>();
  return std::nullopt;
}

}  // namespace

ContainerManager::ContainerManager(Parts parts)
    : parts_(std::move(parts)),
      trash_({.directory = parts_.host.directories.trash.get(),
              .failpoints = parts_.failpoints,
              .on_failure = [this](const std::string& name, const Error& error) {
                parts_.reactor.post([this, alive = std::weak_ptr(alive_), name, error] {
                  if (alive.lock()) owe_trash(name, error);
                });
              }}) {
  parts_.reactor.on_turn_end([this, alive = std::weak_ptr(alive_)] {
    if (alive.lock()) end_turn();
  });
}

ContainerManager::~ContainerManager() = default;

void ContainerManager::declare_failpoints(operations::FailpointRegistry& failpoints,
                                          const isolators::IsolatorChain& isolators) {
  declare_launch_steps(failpoints, isolators);
  failpoints.declare_lasting_step("release.cgroup");
  for (const auto& isolator : isolators) {
    failpoints.declare_lasting_step("release." + std::string(isolator->name()));
  }
  failpoints.declare_lasting_step("release.run");
  failpoints.declare_lasting_step("remove.directory");
  // Beside the steps of operations: what the reactor does by itself.
  for (const char* place : {"start.release",
                            "stop.signal",
                            "stop.kill",
                            "exit.record",
                            "remove.trash",
                            "pause.freeze",
                            "resume.thaw",
                            "update.limits",
                            "update.record"}) {
    failpoints.declare(place);
  }
}

// --- lookup ---------------------------------------------------------------------------------

Container* ContainerManager::find(const Uid& uid) {
  const auto found = containers_.find(uid.str());
  return found == containers_.end() ? nullptr : found->second.get();
}

Result<Container*> ContainerManager::find(const ContainerRef& ref) {
  const std::string tenant = tenant_or_default(ref.tenant());
  switch (ref.key_case()) {
    case ContainerRef::kUid: {
      const auto found = containers_.find(ref.uid());
      if (found == containers_.end()) return not_found(ref.uid());
      Container* container = found->second.get();
      if (!ref.tenant().empty() && container->api().tenant() != tenant) return not_found(ref.uid());
      return container;
    }
    case ContainerRef::kId: {
      const auto found = by_id_.find({tenant, ref.id()});
      if (found != by_id_.end()) return found->second;
      if (was_removed(tenant, ref.id())) {
        return not_found(ref.id()).with_reason("REMOVED");
      }
      return not_found(ref.id());
    }
    case ContainerRef::kName: {
      const auto found = by_name_.find({tenant, ref.name()});
      if (found == by_name_.end()) return not_found(ref.name());
      return found->second;
    }
    case ContainerRef::KEY_NOT_SET:
      break;
  }
  return Error(Code::kInvalidArgument, "container: none of id, name and uid is set")
      .with_reason("FIELD_INVALID");
}

bool ContainerManager::uses_image(const std::string& content_id) const {
  return count_users(content_id) > 0;
}

std::uint32_t ContainerManager::count_users(const std::string& content_id) const {
  return static_cast<std::uint32_t>(std::ranges::count_if(containers_, [&](const auto& entry) {
    return entry.second->api().image_content_id() == content_id;
  }));
}

// --- acceptance -----------------------------------------------------------------------------

void ContainerManager::launch(LaunchRequest request, Reply reply) {
  const SteadyTime taken_on = parts_.clock.steady();
  request.tenant = tenant_or_default(request.tenant);
  auto existing = find_existing(request);
  if (!existing) return answer(std::move(reply), std::move(existing).error());
  Container* container = *existing;
  if (container == nullptr) {
    std::optional<StandbyWish> wish = standby_for(request);
    StandbyPtr standby = wish ? parts_.standby->take(*wish) : StandbyPtr();
    auto accepted = accept(request, standby ? standby->uid : Uid::make());
    if (!accepted) {
      if (standby) parts_.standby->put_back(std::move(standby));
      return answer(std::move(reply), std::move(accepted).error());
    }
    Container& fresh = **accepted;
    fresh.standby = std::move(standby);
    fresh.launch_clock = {.received = request.received, .taken_on = taken_on};
    store::Transaction transaction = parts_.store.begin();
    begin_attempt(fresh, transaction, State{});
    auto recorded = transaction.commit();
    if (!recorded) return answer(std::move(reply), std::move(recorded).error().wrap("accept"));
    container = &insert(std::move(*accepted));
    changed(*container);
    if (wish) parts_.standby->expect(std::move(*wish));
  }
  wait_until(
      *container,
      Waiter{.ready = [goal = request.goal](const Container& c) { return launch_verdict(c, goal); },
             .reply = std::move(reply)});
}

// Null: there is none of that id, and it may be made.
Result<Container*> ContainerManager::find_existing(const LaunchRequest& request) {
  TRY(check_id("tenant", request.tenant));
  TRY(check_id("id", request.id));
  if (!request.name.empty()) TRY(check_id("name", request.name));
  const auto found = by_id_.find({request.tenant, request.id});
  if (found != by_id_.end()) {
    Container* container = found->second;
    if (container->api().name() == request.name &&
        container->record.spec_received() == deterministic_bytes(request.spec)) {
      return container;
    }
    return Error(Code::kAlreadyExists,
                 fmt::format("container \"{}\" exists with another spec or name", request.id))
        .with_reason("SPEC_DIFFERS")
        .with_object("container " + request.id);
  }
  if (was_removed(request.tenant, request.id)) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("container \"{}\" was removed less than a day ago; a new one needs "
                             "another id",
                             request.id))
        .with_reason("REMOVED")
        .with_object("container " + request.id);
  }
  const auto named = by_name_.find({request.tenant, request.name});
  if (!request.name.empty() && named != by_name_.end()) {
    return Error(Code::kAlreadyExists,
                 fmt::format("the name \"{}\" belongs to container {}",
                             request.name,
                             named->second->uid.str().substr(0, 12)))
        .with_reason("NAME_TAKEN")
        .with_object("container " + request.name);
  }
  return nullptr;
}

// Absent: no standby process would do.
std::optional<StandbyWish> ContainerManager::standby_for(const LaunchRequest& request) const {
  // In a pod the cgroup is elsewhere, and what is shared is joined.
  if (parts_.standby == nullptr || request.checked.join_pod) return std::nullopt;
  const isolators::ContainerConfig& config = request.checked.config;
  StandbyWish wish{.namespaces = isolators::namespaces_of(config), .durable = config.root.durable};
  if (request.spec.root().has_image()) {
    auto image = parts_.resolve_image(request.spec.root().image());
    if (image) wish.layers = std::move(image->layers);
  }
  return wish;
}

Result<std::unique_ptr<Container>> ContainerManager::accept(LaunchRequest& request,
                                                            const Uid& uid) {
  auto container = std::make_unique<Container>();
  container->uid = uid;
  container->spec = std::move(request.checked);
  isolators::ContainerConfig& config = container->spec.config;
  config.uid = container->uid;
  config.tenant = request.tenant;
  config.root.scratch = parts_.host.directories.root + "/containers/" + container->uid.str();

  Record& record = container->record;
  record.set_ordinal(next_ordinal_++);
  record.set_spec_received(deterministic_bytes(request.spec));
  record.set_hold(request.hold);
  skerry::v1::Container& api = container->api();
  api.set_tenant(request.tenant);
  api.set_id(request.id);
  api.set_name(request.name);
  api.set_uid(container->uid.str());
  api.set_generation(1);
  api.set_state(skerry::v1::CONTAINER_STATE_EXITED);
  api.set_command_line(join_command(config.process.arguments));
  *api.mutable_labels() = request.spec.labels();
  *api.mutable_created_at() = to_timestamp(parts_.clock.wall());
  api.set_cgroup_path(parts_.host.parent + "/" + container->uid.str());
  if (container->spec.join_pod) TRY(take_seat(request.spec, *container));
  if (config.hostname.empty() && config.network != isolators::NetworkMode::kHost) {
    config.hostname = container->uid.str().substr(0, 12);
  }
  *api.mutable_effective_resources() = effective_resources(config.resources);
  api.set_log_path(container->spec.log.directory.empty()
                       ? config.root.scratch + "/log/" + container->spec.log.name
                       : container->spec.log.directory + "/" + container->spec.log.name);
  if (request.spec.root().has_image()) {
    TRY_ASSIGN(ResolvedImage image, parts_.resolve_image(request.spec.root().image()));
    api.set_root(request.spec.root().image());
    api.set_image_content_id(image.content_id);
    config.root.layers = std::move(image.layers);
  } else {
    api.set_root(request.spec.root().directory());
  }
  config.network_settings.owner = "container " + request.id;
  api.set_hostname(isolators::hostname_of(config));
  for (const auto& isolator : parts_.host.isolators) {
    TRY(isolator->validate(config, parts_.host.facts));
  }
  *api.mutable_spec() = std::move(request.spec);
  return container;
}

Container& ContainerManager::insert(std::unique_ptr<Container> container) {
  Container& added = *container;
  const skerry::v1::Container& api = added.api();
  by_id_[{api.tenant(), api.id()}] = &added;
  if (!api.name().empty()) by_name_[{api.tenant(), api.name()}] = &added;
  next_ordinal_ = std::max(next_ordinal_, added.record.ordinal() + 1);
  containers_[added.uid.str()] = std::move(container);
  return added;
}

void ContainerManager::erase(Container& container) {
  const skerry::v1::Container& api = container.api();
  by_id_.erase({api.tenant(), api.id()});
  if (!api.name().empty()) by_name_.erase({api.tenant(), api.name()});
  parts_.board.change(container.uid, nullptr);
  // By value: the key must not die with what it names.
  const std::string uid = container.uid.str();
  containers_.erase(uid);
}

// --- transitions and transactions -----------------------------------------------------------

Result<> ContainerManager::transit(Container& container, Transition transition) {
  TRY_ASSIGN(const State next, next_state(container.state(), transition));
  set_state(container.record, next);
  return {};
}

Event ContainerManager::make_event(const Container& container, skerry::v1::EventType type) const {
  const skerry::v1::Container& api = container.api();
  Event event;
  event.set_type(type);
  event.set_tenant(api.tenant());
  event.set_id(api.id());
  event.set_name(api.name());
  event.set_uid(api.uid());
  event.set_attempt(api.attempt());
  *event.mutable_labels() = api.labels();
  if (!container.joined_pod()) return event;
  event.set_pod_uid(api.pod_uid());
  event.set_pod_id(container.record.pod_id());
  // The name is the id where it has none.
  if (api.pod_name() != container.record.pod_id()) event.set_pod_name(api.pod_name());
  return event;
}

// `from` is State{} for a container that is new.
Event ContainerManager::state_event(const Container& container, State from) const {
  Event event = make_event(container, skerry::v1::EVENT_TYPE_CONTAINER_STATE);
  event.set_old_state(static_cast<skerry::v1::ContainerState>(from));
  event.set_state(container.api().state());
  if (container.state() == State::kExited && container.api().has_exit()) {
    *event.mutable_exit() = container.api().exit();
  }
  return event;
}

events::NewEvent ContainerManager::record(store::Transaction& transaction,
                                          Container& container,
                                          const Event& event) {
  container.api().set_revision(container.api().revision() + 1);
  Event numbered = event;
  numbered.set_revision(container.api().revision());
  transaction.put(to_row(container.record));
  events::NewEvent appended{.type = static_cast<std::uint32_t>(numbered.type()),
                            .object = container.uid.str(),
                            .blob = numbered.SerializeAsString()};
  parts_.events.append(transaction, appended);
  return appended;
}

void ContainerManager::record_fact(Container& container,
                                   const Event& event,
                                   RecordMore<Container> more) {
  store::Transaction transaction = parts_.store.begin();
  UnsavedFact<Container> fact{.event = record(transaction, container, event),
                              .more = std::move(more)};
  if (fact.more) fact.more(container, transaction);
  Result<> committed;
  if (container.state() == State::kExited) committed = parts_.failpoints.hit("exit.record");
  if (committed) committed = transaction.commit();
  if (!committed) {
    parts_.trace.error("cannot record what happened to a container; will try again",
                       committed.error(),
                       {{"container", container.uid.str()}});
    save_later(container, std::move(fact), committed.error());
  }
  changed(container);
}

// Until an end is recorded nothing is given back, and so nobody can be told to wait for it.
Error ContainerManager::not_recorded(const Container& container) {
  Error why = *container.save_error;
  return std::move(why).wrap("the container's end is not recorded yet").as_retryable();
}

void ContainerManager::save_later(Container& container,
                                  UnsavedFact<Container> fact,
                                  const Error& why) {
  container.unsaved.push_back(std::move(fact));
  container.save_error = why;
  if (container.state() == State::kExited && container.remove_requested) {
    container.remove_requested = false;
    container.remove_error = not_recorded(container);
  }
  if (container.save_timer) return;
  container.save_timer = parts_.reactor.after(kSaveRetry, [this, uid = container.uid] {
    Container* unsaved = find(uid);
    if (unsaved == nullptr) return;
    unsaved->save_timer.reset();
    store::Transaction transaction = parts_.store.begin();
    transaction.put(to_row(unsaved->record));
    std::vector<UnsavedFact<Container>> kept = std::exchange(unsaved->unsaved, {});
    for (const UnsavedFact<Container>& each : kept) {
      parts_.events.append(transaction, each.event);
      if (each.more) each.more(*unsaved, transaction);
    }
    const Result<> committed = transaction.commit();
    if (!committed) {
      for (UnsavedFact<Container>& again : kept) {
        save_later(*unsaved, std::move(again), committed.error());
      }
      return;
    }
    unsaved->save_error.reset();
    plan_removal(*unsaved);
  });
}

// --- telling --------------------------------------------------------------------------------

void ContainerManager::changed(Container& container) {
  auto view = std::make_shared<ContainerView>();
  view->ordinal = container.record.ordinal();
  view->container = container.record.container();
  container.view = std::move(view);
  parts_.board.change(container.uid, container.view);
  check_waiters(container);
  for (const auto& listener : listeners_) listener(container);
}

void ContainerManager::check_waiters(Container& container) {
  for (auto waiter = container.waiters.begin(); waiter != container.waiters.end();) {
    std::optional<Result<>> verdict = waiter->ready(container);
    if (!verdict) {
      ++waiter;
      continue;
    }
    Result<ViewPtr> result =
        *verdict ? Result<ViewPtr>(container.view) : Result<ViewPtr>(std::move(*verdict).error());
    answer(std::move(waiter->reply), std::move(result));
    waiter = container.waiters.erase(waiter);
  }
}

void ContainerManager::wait_until(Container& container, Waiter waiter) {
  // Callers that ask again and again with a deadline of their own must not pile up.
  std::erase_if(container.waiters,
                [](const Waiter& old) { return old.abandoned && old.abandoned(); });
  container.waiters.push_back(std::move(waiter));
  check_waiters(container);
}

void ContainerManager::answer(Reply reply, Result<ViewPtr> result) {
  answers_.emplace_back(std::move(reply), std::move(result));
}

// Publish first, answer then: who is told finds in the snapshot what he was told.
void ContainerManager::end_turn() {
  // An answer may be a call that has waited and goes on now, which may answer at once: there need
  // not be another turn soon.
  do {
    parts_.board.publish(parts_.events.head());
    // NOLINTNEXTLINE(misc-const-correctness): moved from below, which the check does not see.
    std::vector<std::pair<Reply, Result<ViewPtr>>> answers = std::move(answers_);
    answers_.clear();
    for (auto& [reply, result] : answers) {
      if (reply) reply(std::move(result));
    }
  } while (!answers_.empty());
}

void ContainerManager::wait(const ContainerRef& ref,
                            WaitGoal goal,
                            Reply reply,
                            std::function<bool()> abandoned) {
  auto container = find(ref);
  if (!container) {
    return answer(std::move(reply), std::move(container).error());
  }
  wait_until(**container,
             Waiter{.ready = [goal](const Container& c) -> std::optional<Result<>> {
                      if (c.gone) return Result<>();
                      const bool exited = c.state() == State::kExited;
                      if (goal == WaitGoal::kExited && exited) return Result<>();
                      if (goal == WaitGoal::kReleased && exited && c.api().released()) {
                        return Result<>();
                      }
                      return std::nullopt;
                    },
                    .reply = std::move(reply),
                    .abandoned = std::move(abandoned)});
}

void ContainerManager::wait_for_log(const Uid& uid, Reply reply, std::function<bool()> abandoned) {
  Container* container = find(uid);
  if (container == nullptr) return answer(std::move(reply), ViewPtr());
  wait_until(*container,
             Waiter{.ready = [](const Container& c) -> std::optional<Result<>> {
                      if (c.gone || (c.state() == State::kExited && c.log_complete)) {
                        return Result<>();
                      }
                      return std::nullopt;
                    },
                    .reply = std::move(reply),
                    .abandoned = std::move(abandoned)});
}

}  // namespace skerry::agent
