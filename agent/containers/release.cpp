// After the exit: release gives back what the attempt held (cgroup, what isolators made, the run
// directory), removal the container itself. Each is an operation; what a step cannot undo becomes a
// debt, so that neither ever fails for good or holds up another container.

#include <signal.h>

#include "agent/containers/launch.h"
#include "agent/containers/manager.h"
#include "agent/containers/trash_step.h"
#include "agent/operations/paying_step.h"
#include "base/check.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;
using operations::Debt;
using operations::Outcome;
using operations::Step;
using runtime::CancelToken;

constexpr std::string_view kDebtTrash = "trash";
constexpr auto kKillDeadline = 10s;
// How long a reader of the log keeps a container that removes itself.
constexpr auto kReaderPatience = 60s;
// Before a release or a removal that could not even be recorded is tried again.
constexpr auto kRetryAfter = 5s;

struct ReleaseJob {
  Uid uid;
  os::CgroupPath cgroup_path;
  std::vector<isolators::Checkpoint> checkpoints;
  std::shared_ptr<operations::Owed> owed = std::make_shared<operations::Owed>();
};

Result<> remove_cgroup(os::CgroupManager& cgroups, const os::CgroupPath& path) {
  auto removed = cgroups.remove(path);
  if (removed || removed.error().code() != Code::kFailedPrecondition) return removed;
  // A straggler: an exec, or a process that was being forked while the group was killed.
  TRY(kill_and_wait(cgroups, path, kKillDeadline));
  return cgroups.remove(path);
}

std::vector<Step> release_steps(const std::shared_ptr<ReleaseJob>& job, Host& host) {
  std::vector<Step> steps;
  const std::string& uid = job->uid.str();
  steps.push_back(paying_step(
      "release.cgroup",
      job->owed,
      [job, &host] { return remove_cgroup(*host.cgroups, job->cgroup_path); },
      {.kind = std::string(kDebtCgroup), .key = job->cgroup_path, .object = uid, .record = {}}));
  // Last made, first given back.
  for (auto isolator = host.isolators.rbegin(); isolator != host.isolators.rend(); ++isolator) {
    isolators::Checkpoint checkpoint;
    checkpoint.isolator = (*isolator)->name();
    for (const isolators::Checkpoint& kept : job->checkpoints) {
      if (kept.isolator == checkpoint.isolator) checkpoint = kept;
    }
    steps.push_back(paying_step(
        "release." + checkpoint.isolator,
        job->owed,
        [job, checkpoint, &one = **isolator] { return one.cleanup(job->uid, checkpoint); },
        {.kind = std::string(kDebtIsolator),
         .key = uid + "/" + checkpoint.isolator,
         .object = uid,
         .record = encode_isolator_debt(job->uid, checkpoint)}));
  }
  steps.push_back(
      paying_step("release.run",
                  job->owed,
                  [job, &host] {
                    return os::remove_tree(host.directories.run_containers.get(), job->uid.str());
                  },
                  {.kind = std::string(kDebtRun), .key = uid, .object = uid, .record = {}}));
  return steps;
}

}  // namespace

// Whoever pays: the same calls as the steps', which are idempotent.
void ContainerManager::register_debts() {
  Host& host = parts_.host;
  parts_.debts.handle(std::string(kDebtCgroup),
                      [&host](const Debt& debt) { return remove_cgroup(*host.cgroups, debt.key); });
  parts_.debts.handle(
      std::string(kDebtIsolator),
      [&host](const Debt& debt) -> Result<> {
        TRY_ASSIGN(const auto owed, decode_isolator_debt(debt.record));
        for (const auto& isolator : host.isolators) {
          if (isolator->name() == owed.second.isolator) {
            return isolator->cleanup(owed.first, owed.second);
          }
        }
        return Error(Code::kUnimplemented,
                     "this daemon has no isolator \"" + owed.second.isolator + "\"");
      },
      [&host](const Debt& debt) -> std::vector<std::string> {
        const auto owed = decode_isolator_debt(debt.record);
        if (!owed) return {};
        return lanes_of(host.isolators, std::span(&owed->second, 1), nullptr);
      });
  parts_.debts.handle(std::string(kDebtRun), [&host](const Debt& debt) {
    return os::remove_tree(host.directories.run_containers.get(), debt.key);
  });
  parts_.debts.handle(std::string(kDebtTrash), [&host](const Debt& debt) {
    return os::remove_tree(host.directories.trash.get(), debt.key);
  });
}

void ContainerManager::begin_release(Container& container, store::Transaction& transaction) {
  auto job = std::make_shared<ReleaseJob>();
  job->uid = container.uid;
  job->cgroup_path = container.api().cgroup_path();
  for (const auto& entry : container.record.checkpoints()) {
    job->checkpoints.push_back(
        {.isolator = entry.isolator(), .version = entry.version(), .bytes = entry.bytes()});
  }
  operations::Operation operation;
  operation.name = "release";
  operation.object = container.uid;
  operation.steps = release_steps(job, parts_.host);
  operation.lanes = lanes_of(parts_.host.isolators, job->checkpoints, &container.spec.config);
  operation.cancel = std::make_shared<runtime::CancelToken>();
  operation.done = [this, uid = container.uid, job](Outcome outcome) {
    // An operation that broke off (workers full, a failpoint) owes everything: paying twice is
    // fine.
    const std::vector<Debt>& owed = outcome.ok() ? job->owed->debts : job->owed->all;
    outcome.debts.insert(outcome.debts.end(), owed.begin(), owed.end());
    if (!outcome.ok()) {
      parts_.trace.error(
          "release broke off; it is owed now", *outcome.error, {{"container", uid.str()}});
    }
    released(uid, outcome);
  };
  container.releasing = true;
  transaction.on_rollback([this, uid = container.uid] {
    Container* owner = find(uid);
    if (owner != nullptr) owner->releasing = false;
  });
  parts_.interpreter.start(transaction, std::move(operation));
}

void ContainerManager::released(const Uid& uid, const Outcome& outcome) {
  Container* container = find(uid);
  CHECK(container != nullptr);
  container->releasing = false;
  container->api().set_released(true);
  show_networks_detached(*container, outcome);
  record_fact(*container,
              make_event(*container, skerry::v1::EVENT_TYPE_CONTAINER_RELEASED),
              [this, outcome](Container& owner, store::Transaction& transaction) {
                record_detached(transaction, owner);
                parts_.interpreter.close(transaction, outcome);
              });
  plan_removal(*container);
}

// --- removal --------------------------------------------------------------------------------

void ContainerManager::remove(const skerry::v1::ContainerRef& ref, bool force, Reply reply) {
  auto found = find(ref);
  if (!found) {
    // Removing what was removed succeeds; what never was is an error worth hearing.
    if (found.error().reason() == "REMOVED") return answer(std::move(reply), ViewPtr());
    return answer(std::move(reply), std::move(found).error());
  }
  Container& container = **found;
  if (is_live(container.state()) || container.state() == State::kAccepted) {
    if (!force) {
      return answer(
          std::move(reply),
          Error(Code::kFailedPrecondition,
                "cannot remove a container that is " + std::string(state_name(container.state())) +
                    "; stop it first, or use force")
              .with_reason("STATE")
              .with_object("container " + container.api().id()));
    }
    begin_stop(container, SIGKILL, 0ms);
  }
  if (container.state() == State::kExited && container.save_error) {
    return answer(std::move(reply), not_recorded(container));
  }
  container.remove_requested = true;
  container.remove_error.reset();
  wait_until(container,
             Waiter{.ready = [](const Container& c) -> std::optional<Result<>> {
                      if (c.gone) return Result<>();
                      if (c.remove_error) return Result<>(*c.remove_error);
                      return std::nullopt;
                    },
                    .reply = std::move(reply)});
  plan_removal(container);
}

// Looks whether the container may go now, and begins it. Called whenever that may have changed.
void ContainerManager::plan_removal(Container& container) {
  if (container.state() != State::kExited || container.removing) return;
  if (!container.api().released()) {
    if (!container.releasing && !container.save_timer) {
      store::Transaction transaction = parts_.store.begin();
      begin_release(container, transaction);
      auto committed = transaction.commit();
      if (committed) return;
      plan_removal_again(container, false);
      if (!container.remove_requested) return;
      container.remove_requested = false;
      container.remove_error = std::move(committed).error();
      changed(container);
    }
    return;
  }
  if (container.remove_requested) return begin_removal(container);
  if (!container.spec.remove_on_exit || container.ttl_timer) return;
  const bool unread = !container.log_complete || container.log_readers > 0;
  if (container.spec.ttl == 0ms && !unread) return begin_removal(container);
  const auto patience = container.spec.ttl > 0ms ? std::chrono::nanoseconds(container.spec.ttl)
                                                 : std::chrono::nanoseconds(kReaderPatience);
  const auto since = parts_.clock.wall() - from_timestamp(container.api().exit().time());
  // The time of day may have jumped, either way.
  container.ttl_timer =
      parts_.reactor.after(std::clamp<std::chrono::nanoseconds>(patience - since, 0ns, patience),
                           [this, uid = container.uid] {
                             Container* owner = find(uid);
                             if (owner == nullptr) return;
                             owner->ttl_timer.reset();
                             owner->remove_requested = true;
                             plan_removal(*owner);
                           });
}

void ContainerManager::plan_removal_again(Container& container, bool request) {
  container.retry_timer = parts_.reactor.after(kRetryAfter, [this, request, uid = container.uid] {
    Container* owner = find(uid);
    if (owner == nullptr) return;
    owner->retry_timer.reset();
    if (request) owner->remove_requested = true;
    plan_removal(*owner);
  });
}

// One that was to go by itself has nobody who asks again.
void ContainerManager::removal_failed(Container& container, Error why) {
  parts_.trace.error("removal failed", why, {{"container", container.uid.str()}});
  container.removing = false;
  container.remove_requested = false;
  container.remove_error = std::move(why);
  if (container.spec.remove_on_exit) plan_removal_again(container, true);
  changed(container);
}

void ContainerManager::count_log_reader(const Uid& uid, int change) {
  Container* container = find(uid);
  if (container == nullptr) return;
  container->log_readers =
      static_cast<std::uint32_t>(static_cast<int>(container->log_readers) + change);
  if (change > 0 || container->spec.ttl > 0ms) return;
  container->ttl_timer.reset();
  plan_removal(*container);
}

void ContainerManager::begin_removal(Container& container) {
  container.removing = true;
  container.ttl_timer.reset();
  operations::Operation operation;
  operation.name = "remove";
  operation.object = container.uid;
  auto trash_name = std::make_shared<std::string>();
  operation.steps.push_back(trash_step("remove.directory",
                                       parts_.host.directories.containers.get(),
                                       container.uid,
                                       parts_.host,
                                       trash_name));
  operation.cancel = std::make_shared<runtime::CancelToken>();
  operation.done = [this, uid = container.uid, trash_name](const Outcome& outcome) {
    if (!trash_name->empty()) trash_.collect(*trash_name);
    removed(uid, outcome);
  };
  store::Transaction transaction = parts_.store.begin();
  parts_.interpreter.start(transaction, std::move(operation));
  auto committed = transaction.commit();
  if (!committed) removal_failed(container, std::move(committed).error());
}

// Nobody waits for the deletion, so its failure is a debt like any other.
void ContainerManager::owe_trash(const std::string& name, const Error& error) {
  store::Transaction transaction = parts_.store.begin();
  Debt debt{.kind = std::string(kDebtTrash), .key = name, .object = {}, .record = {}};
  debt.why = error.message();
  parts_.debts.add(transaction, debt);
  if (transaction.commit()) return;
  // No room for the record either: the next start finds it in the directory.
  parts_.trace.error("cannot empty the trash", error);
}

void ContainerManager::removed(const Uid& uid, const Outcome& outcome) {
  Container* container = find(uid);
  CHECK(container != nullptr);
  const bool kept = !outcome.ok();
  store::Transaction transaction = parts_.store.begin();
  parts_.interpreter.close(transaction, outcome);
  const skerry::v1::Container& api = container->api();
  if (!kept) {
    parts_.events.append(
        transaction,
        {.type = skerry::v1::EVENT_TYPE_CONTAINER_REMOVED,
         .object = uid.str(),
         .blob =
             make_event(*container, skerry::v1::EVENT_TYPE_CONTAINER_REMOVED).SerializeAsString()});
    transaction.remove_container(uid);
    transaction.put(store::TombstoneRow{
        .tenant = api.tenant(), .id = api.id(), .uid = uid, .removed_at = parts_.clock.wall()});
  }
  auto committed = transaction.commit();
  if (kept || !committed) {
    return removal_failed(*container, kept ? *outcome.error : std::move(committed).error());
  }
  container->gone = true;
  check_waiters(*container);
  for (const auto& listener : listeners_) listener(*container);
  erase(*container);
}

}  // namespace skerry::agent
