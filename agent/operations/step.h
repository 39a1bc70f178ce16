// An operation as data: a list of steps, each with its undo.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/runtime/cancel_token.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace skerry::operations {

/// What is owed when an undo fails.
struct Debt {
  std::string kind;    ///< a handler of DebtKeeper
  std::string key;     ///< unique within the kind
  std::string object;  ///< uid of what incurred it
  std::string record;  ///< what the handler needs to pay
  std::string why{};   ///< what went wrong, for people; the interpreter fills it in
};

/// One step of an operation. All three functions run on the worker that runs the operation, one
/// after the other, so that steps of one operation may share what they capture.
struct Step {
  /// "operation.step", declared in the FailpointRegistry (or it is a programmer's error).
  std::string name;
  /// Does it. Undoes its own partial work when it fails, or says `undo_after_failure`. When it
  /// waits, it waits for `cancel` too (CancelToken::wait_for), and comes back only when its own
  /// process is dead.
  std::move_only_function<Result<>(runtime::CancelToken& cancel)> run;
  /// Takes it back; called when a later step failed or the operation was cancelled. Idempotent; not
  /// cancelled. Empty: there is nothing to take back.
  std::move_only_function<Result<>()> undo;
  /// What is owed if `undo` fails; there whenever `undo` is. Nothing, when what it leaves goes with
  /// something else.
  std::move_only_function<std::optional<Debt>()> debt;
  /// `undo` copes with half the work, and is called when `run` has failed too: what stood in the
  /// way of the work (no descriptors left, no memory) may stand in the way of its undo, which is a
  /// debt then.
  bool undo_after_failure = false;
};

struct Timing {
  std::string step;
  std::chrono::nanoseconds took{0};
};

/// How an operation ended.
struct Outcome {
  std::string operation;
  Uid object;
  /// Why it did not succeed: the failed step's error (with step and object) or the cancel's reason.
  std::optional<Error> error;
  /// Steps in the order they ran, the failed one too; undos after them as "undo NAME".
  std::vector<Timing> timings;
  /// Errors of undos, beside the primary one.
  std::vector<Error> undo_errors;
  /// What is owed because of them.
  std::vector<Debt> debts;
  SteadyTime committed;              ///< when the transaction that began it had committed
  SteadyTime taken;                  ///< … a worker took it
  SteadyTime ended;                  ///< … the last step or undo was done
  std::chrono::nanoseconds took{0};  ///< from start() to the end, queueing included
  bool ok() const { return !error.has_value(); }
};

}  // namespace skerry::operations
