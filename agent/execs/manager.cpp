#include "agent/execs/manager.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "agent/containers/record.h"

namespace skerry::agent {
namespace {

using skerry::v1::Event;
using skerry::v1::ExecRef;

constexpr auto kSaveRetry = std::chrono::seconds(1);
constexpr std::size_t kMaxUnsaved = 10'000;

Error not_found(const std::string& what) {
  return Error(Code::kNotFound, fmt::format("exec \"{}\" does not exist", what))
      .with_reason("EXEC_NOT_FOUND")
      .with_object("exec " + what);
}

Result<ExecViewPtr> verdict(const Exec& exec) {
  if (exec.exited() && exec.launch_error) return *exec.launch_error;
  return exec.view;
}

}  // namespace

ExecManager::ExecManager(Parts parts) : parts_(parts) {
  parts_.reactor.on_turn_end([this, alive = std::weak_ptr(alive_)] {
    if (alive.lock()) end_turn();
  });
  parts_.containers.on_change([this, alive = std::weak_ptr(alive_)](const Container& container) {
    if (alive.lock()) container_changed(container);
  });
  register_debts();
}

void ExecManager::declare_failpoints(operations::FailpointRegistry& failpoints) {
  declare_exec_steps(failpoints);
  failpoints.declare_lasting_step("exec-end.cgroup");
  failpoints.declare_lasting_step("exec-forget.run");
  failpoints.declare("exec.told");
  failpoints.declare("recovery.execs");
}

// --- lookup ---------------------------------------------------------------------------------

Exec* ExecManager::find(const Uid& uid) {
  const auto found = execs_.find(uid.str());
  return found == execs_.end() ? nullptr : found->second.get();
}

Result<Exec*> ExecManager::find(const ExecRef& ref) {
  switch (ref.ref_case()) {
    case ExecRef::kUid: {
      const auto found = execs_.find(ref.uid());
      if (found == execs_.end()) return not_found(ref.uid());
      return found->second.get();
    }
    case ExecRef::kKey: {
      TRY_ASSIGN(const Container* container, parts_.containers.find(ref.key().container()));
      const auto execs = by_container_.find(container->uid.str());
      if (execs == by_container_.end()) return not_found(ref.key().id());
      for (const auto& [uid, exec] : execs->second) {
        if (!exec->record.one_shot() && exec->api().id() == ref.key().id()) return exec;
      }
      return not_found(ref.key().id());
    }
    case ExecRef::REF_NOT_SET:
      break;
  }
  return Error(Code::kInvalidArgument, "exec: neither uid nor key is set")
      .with_reason("FIELD_INVALID");
}

std::vector<const Exec*> ExecManager::living(const Uid& container) const {
  std::vector<const Exec*> out;
  const auto execs = by_container_.find(container.str());
  if (execs == by_container_.end()) return out;
  for (const auto& [uid, exec] : execs->second) {
    if (!exec->exited()) out.push_back(exec);
  }
  return out;
}

// --- acceptance -----------------------------------------------------------------------------

void ExecManager::start(const StartExec& request, ExecReply reply) {
  auto found = parts_.containers.find(request.container);
  if (!found) return answer(std::move(reply), std::move(found).error());
  const Container& container = **found;
  auto existing = find_existing(container, request);
  if (!existing) return answer(std::move(reply), std::move(existing).error());
  Exec* exec = *existing;
  if (exec == nullptr) {
    auto accepted = accept(container, request);
    if (!accepted) return answer(std::move(reply), std::move(accepted).error());
    exec = &insert(std::move(*accepted));
    changed(*exec);
    begin(*exec);
  }
  wait_until(*exec, {.goal = ExecGoal::kStarted, .reply = std::move(reply)});
}

// Null: there is none of that id, and it may be made.
Result<Exec*> ExecManager::find_existing(const Container& container, const StartExec& request) {
  if (request.one_shot) return nullptr;
  TRY(check_id("id", request.id));
  skerry::v1::ExecRef ref;
  ref.mutable_key()->mutable_container()->set_uid(container.uid.str());
  ref.mutable_key()->set_id(request.id);
  auto found = find(ref);
  if (!found) return nullptr;
  if ((*found)->record.spec_received() == deterministic_bytes(request.checked.spec)) return found;
  return Error(Code::kAlreadyExists,
               fmt::format("exec \"{}\" exists with another spec", request.id))
      .with_reason("SPEC_DIFFERS")
      .with_object("exec " + request.id);
}

Result<std::unique_ptr<Exec>> ExecManager::accept(const Container& container,
                                                  const StartExec& request) {
  if (container.state() != State::kRunning) return wrong_state(container);
  if (container.freezing) return wrong_state(container, "being paused");
  if (living(container.uid).size() >= kMaxRunning) {
    return Error(Code::kResourceExhausted,
                 fmt::format("{} execs run in the container", kMaxRunning))
        .with_reason("EXECS");
  }
  TRY_ASSIGN(const isolators::ContainerConfig config,
             to_exec_config(container.spec.config, request.checked));
  for (const auto& isolator : parts_.host.isolators) {
    TRY(isolator->validate(config, parts_.host.facts));
  }
  record::ExecRecord record;
  record.set_spec_received(deterministic_bytes(request.checked.spec));
  record.set_boot_id(parts_.host.facts.boot_id);
  record.set_ordinal(next_ordinal_++);
  record.set_container_cgroup(container.api().cgroup_path());
  record.set_one_shot(request.one_shot);
  skerry::v1::Exec& api = *record.mutable_exec();
  const Uid uid = Uid::make();
  api.set_uid(uid.str());
  api.set_id(request.one_shot ? uid.str() : request.id);
  api.set_tenant(container.api().tenant());
  api.set_container_id(container.api().id());
  api.set_container_name(container.api().name());
  api.set_container_uid(container.uid.str());
  api.set_container_attempt(container.api().attempt());
  api.set_state(skerry::v1::EXEC_STATE_STARTING);
  api.set_command_line(join_command(config.process.arguments));
  *api.mutable_spec() = request.checked.spec;
  auto exec = std::make_unique<Exec>(parts_.reactor, std::move(record));
  exec->uid = uid;
  exec->container = container.uid;
  return exec;
}

Exec& ExecManager::insert(std::unique_ptr<Exec> exec) {
  Exec& added = *exec;
  next_ordinal_ = std::max(next_ordinal_, added.record.ordinal() + 1);
  by_container_[added.container.str()][added.uid.str()] = &added;
  execs_[added.uid.str()] = std::move(exec);
  return added;
}

void ExecManager::erase(Exec& exec) {
  const auto siblings = by_container_.find(exec.container.str());
  siblings->second.erase(exec.uid.str());
  if (siblings->second.empty()) by_container_.erase(siblings);
  parts_.board.change(exec.uid, nullptr);
  std::erase_if(retries_,
                [&exec](const auto& retry) { return retry.first.first == exec.uid.str(); });
  // By value: the key must not die with what it names.
  const std::string uid = exec.uid.str();
  execs_.erase(uid);
}

// --- telling --------------------------------------------------------------------------------

Event ExecManager::make_event(const Exec& exec, skerry::v1::EventType type) const {
  const skerry::v1::Exec& api = exec.api();
  Event event;
  event.set_type(type);
  event.set_tenant(api.tenant());
  event.set_id(api.container_id());
  event.set_name(api.container_name());
  event.set_uid(api.container_uid());
  event.set_attempt(api.container_attempt());
  event.set_exec_uid(api.uid());
  event.set_exec_id(api.id());
  event.set_command_line(api.command_line());
  if (exec.exited()) *event.mutable_exit() = api.exit();
  return event;
}

void ExecManager::record_fact(Exec& exec,
                              skerry::v1::EventType type,
                              const std::function<void(store::Transaction&)>& more) {
  // Checks of health by Run would drown what else happens.
  const bool told = !exec.record.one_shot();
  events::NewEvent event{.type = static_cast<std::uint32_t>(type),
                         .object = exec.container.str(),
                         .blob = make_event(exec, type).SerializeAsString()};
  store::Transaction transaction = parts_.store.begin();
  if (told) parts_.events.append(transaction, event);
  if (more) more(transaction);
  auto committed = parts_.failpoints.hit("exec.told");
  if (committed) committed = transaction.commit();
  if (!committed) {
    parts_.trace.error("cannot record what happened to an exec; will try again",
                       committed.error(),
                       {{"exec", exec.uid.str()}});
    if (told) save_later(std::move(event));
  }
  if (told) {
    exec.record.set_start_told(true);
    auto written =
        write_exec_record(parts_.host.directories, exec.uid, exec.record.SerializeAsString());
    // Gone with an undone start; a restart of the daemon forgets it, which is right.
    if (!written && written.error().code() != Code::kNotFound) {
      parts_.trace.error(
          "cannot write an exec's record", written.error(), {{"exec", exec.uid.str()}});
    }
  }
  changed(exec);
}

void ExecManager::save_later(events::NewEvent event) {
  if (unsaved_.size() < kMaxUnsaved) unsaved_.push_back(std::move(event));
  if (save_timer_) return;
  save_timer_ = parts_.reactor.after(kSaveRetry, [this] {
    save_timer_.reset();
    store::Transaction transaction = parts_.store.begin();
    for (const events::NewEvent& kept : unsaved_) parts_.events.append(transaction, kept);
    std::vector<events::NewEvent> kept = std::move(unsaved_);
    unsaved_.clear();
    if (transaction.commit()) return;
    for (events::NewEvent& again : kept) save_later(std::move(again));
  });
}

void ExecManager::changed(Exec& exec) {
  auto view = std::make_shared<ExecView>();
  view->ordinal = exec.record.ordinal();
  view->exec = exec.api();
  view->exec.set_attached(exec.output.has_client() && !exec.record.one_shot());
  view->exec.set_dropped_bytes(exec.output.dropped());
  view->has_shim = static_cast<bool>(exec.shim_pidfd);
  exec.view = std::move(view);
  parts_.board.change(exec.uid, exec.view);
  check_waiters(exec);
}

void ExecManager::check_waiters(Exec& exec) {
  const bool started = exec.running() || exec.exited();
  for (auto waiter = exec.waiters.begin(); waiter != exec.waiters.end();) {
    const bool ready = waiter->goal == ExecGoal::kStarted ? started : exec.exited();
    if (!ready) {
      ++waiter;
      continue;
    }
    Result<ExecViewPtr> result = exec.view;
    if (waiter->goal == ExecGoal::kStarted) result = verdict(exec);
    answer(std::move(waiter->reply), std::move(result));
    waiter = exec.waiters.erase(waiter);
  }
}

void ExecManager::wait_until(Exec& exec, ExecWaiter waiter) {
  // Callers that ask again and again with a deadline of their own must not pile up.
  std::erase_if(exec.waiters,
                [](const ExecWaiter& old) { return old.abandoned && old.abandoned(); });
  exec.waiters.push_back(std::move(waiter));
  check_waiters(exec);
}

void ExecManager::wait(const ExecRef& ref,
                       ExecGoal goal,
                       ExecReply reply,
                       std::function<bool()> abandoned) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  wait_until(**found, {.goal = goal, .reply = std::move(reply), .abandoned = std::move(abandoned)});
}

void ExecManager::answer(ExecReply reply, Result<ExecViewPtr> result) {
  answers_.emplace_back(std::move(reply), std::move(result));
}

// Publish first, answer then: who is told finds in the snapshot what he was told.
void ExecManager::end_turn() {
  parts_.board.publish();
  auto answers = std::exchange(answers_, {});
  for (auto& [reply, result] : answers) {
    if (reply) reply(std::move(result));
  }
}

// --- the container ----------------------------------------------------------------------------

void ExecManager::container_changed(const Container& container) {
  if (container.state() != State::kExited && !container.gone) return;
  const auto found = by_container_.find(container.uid.str());
  if (found == by_container_.end()) return;
  // A copy: forgetting changes the map.
  for (const auto& [uid, exec] : std::map(found->second)) {
    if (exec->launch) {
      exec->launch->cancel(
          Error(Code::kFailedPrecondition, "the container has ended").with_reason("STATE"));
    }
    if (container.gone) forget(*exec);
  }
}

}  // namespace skerry::agent
