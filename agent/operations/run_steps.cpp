#include <exception>
#include <ranges>

#include <fmt/format.h>

#include "agent/operations/interpreter.h"
#include "base/check.h"

namespace skerry::operations {
namespace {

// A step calls libraries, and what these throw must not lose the operation it belongs to.
template <class Call>
Result<> guarded(Call&& call) {
  try {
    return std::forward<Call>(call)();
  } catch (const std::exception& thrown) {
    return Error(Code::kInternal, fmt::format("exception: {}", thrown.what()));
  }
}

class StepRun final {
 public:
  StepRun(Operation& operation,
          const FailpointRegistry& failpoints,
          OperationTable::Entry& entry,
          const Clock& clock)
      : operation_(operation), failpoints_(failpoints), entry_(entry), clock_(clock) {
    outcome_.operation = operation.name;
    outcome_.object = operation.object;
  }

  Outcome run() {
    const SteadyTime begin = clock_.steady();
    std::size_t begun = 0;  // steps there is something to undo of
    for (Step& step : operation_.steps) {
      CHECK(!step.undo || step.debt);
      Result<> done = operation_.cancel->check();
      if (done) done = run_one(step, begun);
      if (done) continue;
      outcome_.error =
          std::move(done).error().with_step(step.name).with_object(operation_.object.str());
      unwind(begun);
      break;
    }
    outcome_.took = clock_.steady() - begin;
    return std::move(outcome_);
  }

 private:
  Result<> run_one(Step& step, std::size_t& begun) {
    entry_.at_step(step.name);
    const SteadyTime begin = clock_.steady();
    Result<> done = failpoints_.hit(step.name, operation_.cancel.get());
    if (done) {
      done = guarded([&] { return step.run(*operation_.cancel); });
      if (done || step.undo_after_failure) ++begun;
      if (done) {
        done = failpoints_.hit(step.name + ":after", operation_.cancel.get());
      }
    }
    outcome_.timings.push_back({step.name, clock_.steady() - begin});
    return done;
  }

  // Not cancelled: what was done is taken back, however long it takes.
  void unwind(std::size_t begun) {
    const auto count = static_cast<std::ptrdiff_t>(begun);
    for (Step& step : std::views::reverse(std::views::take(operation_.steps, count))) {
      if (!step.undo) continue;
      const std::string name = "undo " + step.name;
      entry_.at_step(name);
      const SteadyTime begin = clock_.steady();
      Result<> undone = failpoints_.hit(step.name + ":undo");
      if (undone) undone = guarded([&] { return step.undo(); });
      outcome_.timings.push_back({name, clock_.steady() - begin});
      if (!undone) owe(step, std::move(undone).error().with_step(name));
    }
  }

  void owe(Step& step, Error error) {
    std::optional<Debt> debt = step.debt();
    if (debt.has_value()) {
      debt->why = error.message();
      outcome_.debts.push_back(std::move(*debt));
    }
    outcome_.undo_errors.push_back(std::move(error).with_object(operation_.object.str()));
  }

  Operation& operation_;
  const FailpointRegistry& failpoints_;
  OperationTable::Entry& entry_;
  const Clock& clock_;
  Outcome outcome_;
};

}  // namespace

Outcome run_steps(Operation& operation,
                  const FailpointRegistry& failpoints,
                  OperationTable::Entry& entry,
                  const Clock& clock) {
  return StepRun(operation, failpoints, entry, clock).run();
}

}  // namespace skerry::operations
