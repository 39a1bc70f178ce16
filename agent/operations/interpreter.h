// The one interpreter that runs operations.
//
//   reactor                                          worker
//     │ begin a transaction: the object's new state,   │
//     │ its event, start() → the journal record        │
//     ├─ commit ──────────────────────────────────────►│ steps, one after the other; on an error or
//     │                                                │ a cancel the undos of the finished ones,
//     │◄───────────────────────────────────── Outcome ─┤ last first
//     │ done(Outcome): begin a transaction: the state,
//     │ its event, close() → no journal record, debts
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/operations/debt_keeper.h"
#include "agent/operations/failpoint.h"
#include "agent/operations/operation_table.h"
#include "agent/operations/step.h"
#include "agent/runtime/laned_pool.h"
#include "agent/runtime/reactor.h"
#include "agent/runtime/worker_pool.h"
#include "agent/store/transaction.h"
#include "base/clock.h"

namespace skerry::operations {

struct Operation {
  std::string name;  ///< "create": the first part of its steps' names
  Uid object;
  std::string data;  ///< for the journal: what recovery needs beside the object's own record
  std::vector<Step> steps;
  std::shared_ptr<runtime::CancelToken> cancel;  ///< not null; shared with whoever may cancel
  /// Whose foreign code the steps run: it runs on the pool for that, in those lanes. Empty: none.
  std::vector<std::string> lanes{};
  /// Called once, on the reactor.
  std::move_only_function<void(Outcome)> done;
};

/// Runs the steps here and now: times each, hits the failpoints, looks at the cancel token before
/// each, unwinds. What the Interpreter does on a worker; recovery calls it too.
/// Thread: worker. Blocks: as the steps do.
Outcome run_steps(Operation& operation,
                  const FailpointRegistry& failpoints,
                  OperationTable::Entry& entry,
                  const Clock& clock);

/// Thread: reactor.
class Interpreter final {
 public:
  struct Parts {
    runtime::Reactor& reactor;
    runtime::WorkerPool& workers;
    OperationTable& table;
    DebtKeeper& debts;
    const FailpointRegistry& failpoints;
    const Clock& clock;
    std::string boot_id;
    /// For operations with lanes. Null: there is none, and they run on `workers`.
    runtime::LanedPool* foreign = nullptr;
  };
  explicit Interpreter(Parts parts);

  /// Puts the journal record into `transaction` and runs the operation once that has committed;
  /// after a rollback it is dropped and `done` is not called. When the workers are all busy and
  /// their queue is full, `done` is called with RESOURCE_EXHAUSTED, nothing having run.
  void start(store::Transaction& transaction, Operation operation);

  /// Ends the operation in the books: removes its journal record and records its debts. Belongs
  /// into the transaction that records what came out of it.
  void close(store::Transaction& transaction, const Outcome& outcome);

 private:
  struct Running;
  void submit(std::shared_ptr<Running> running);
  Result<> enqueue(runtime::Task task, const Operation& operation);
  Parts parts_;
};

}  // namespace skerry::operations
