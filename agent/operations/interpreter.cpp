#include "agent/operations/interpreter.h"

#include <utility>

#include "base/check.h"

namespace skerry::operations {

struct Interpreter::Running {
  Operation operation;
  OperationTable::Entry entry;
  SteadyTime begin;

  // In the books until its end is being dealt with; what that starts has lines of its own.
  static void end(std::shared_ptr<Running> running, Outcome outcome) {
    auto done = std::move(running->operation.done);
    running.reset();
    done(std::move(outcome));
  }
};

Interpreter::Interpreter(Parts parts) : parts_(std::move(parts)) {}

void Interpreter::start(store::Transaction& transaction, Operation operation) {
  CHECK(operation.cancel != nullptr);
  transaction.put(store::OperationRow{.uid = operation.object,
                                      .operation = operation.name,
                                      .step = "",
                                      .boot_id = parts_.boot_id,
                                      .data = operation.data});
  const SteadyTime now = parts_.clock.steady();
  OperationTable::Entry entry(
      parts_.table, operation.object.str(), operation.name, operation.cancel);
  auto running = std::make_shared<Running>(std::move(operation), std::move(entry), now);
  transaction.on_commit(
      [this, running = std::move(running)]() mutable { submit(std::move(running)); });
}

void Interpreter::submit(std::shared_ptr<Running> running) {
  runtime::Reactor& reactor = parts_.reactor;
  const FailpointRegistry& failpoints = parts_.failpoints;
  const Clock& clock = parts_.clock;
  auto work = [&reactor, &failpoints, &clock, running, committed = clock.steady()]() mutable {
    const SteadyTime taken = clock.steady();
    Outcome outcome = run_steps(running->operation, failpoints, running->entry, clock);
    outcome.committed = committed;
    outcome.taken = taken;
    outcome.ended = clock.steady();
    outcome.took = outcome.ended - running->begin;
    reactor.post([running = std::move(running), outcome = std::move(outcome)]() mutable {
      Running::end(std::move(running), std::move(outcome));
    });
  };
  Result<> submitted = enqueue(std::move(work), running->operation);
  if (submitted) return;
  Outcome outcome;
  outcome.operation = running->operation.name;
  outcome.object = running->operation.object;
  outcome.error = std::move(submitted).error().with_object(outcome.object.str());
  reactor.post([running = std::move(running), outcome = std::move(outcome)]() mutable {
    Running::end(std::move(running), std::move(outcome));
  });
}

Result<> Interpreter::enqueue(runtime::Task task, const Operation& operation) {
  if (operation.lanes.empty() || parts_.foreign == nullptr) {
    return parts_.workers.submit(std::move(task));
  }
  return parts_.foreign->submit(std::move(task), operation.lanes, operation.cancel->stop_token());
}

void Interpreter::close(store::Transaction& transaction, const Outcome& outcome) {
  transaction.remove_operation(outcome.object, outcome.operation);
  for (const Debt& debt : outcome.debts) parts_.debts.add(transaction, debt);
}

}  // namespace skerry::operations
