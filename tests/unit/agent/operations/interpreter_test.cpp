#include "agent/operations/interpreter.h"

#include <stdexcept>

#include <gtest/gtest.h>

#include "store_fixture.h"

namespace skerry::operations {
namespace {

using runtime::CancelToken;
using tests::StoreFixture;

// Steps that note what was called: "a" for run, "-a" for undo.
struct InterpreterFixture : StoreFixture {
  std::unique_ptr<OperationTable> table = std::make_unique<OperationTable>(t.clock);
  FailpointRegistry failpoints;
  std::unique_ptr<runtime::WorkerPool> workers;
  std::unique_ptr<DebtKeeper> debts;
  std::unique_ptr<Interpreter> interpreter;
  std::shared_ptr<CancelToken> cancel = std::make_shared<CancelToken>();
  std::string calls;
  std::optional<Outcome> outcome;
  const Uid uid = Uid::make();

  explicit InterpreterFixture(std::size_t queue = 16) {
    for (const char* name : {"create.a", "create.b", "create.c"}) failpoints.declare_step(name);
    workers = std::make_unique<runtime::WorkerPool>("kernel", 1, queue, t.trace.get());
    EXPECT_TRUE(open());
    debts = std::make_unique<DebtKeeper>(
        DebtKeeper::Parts{*t.reactor, *workers, *store, t.trace.get(), t.clock});
    interpreter = std::make_unique<Interpreter>(Interpreter::Parts{.reactor = *t.reactor,
                                                                   .workers = *workers,
                                                                   .table = *table,
                                                                   .debts = *debts,
                                                                   .failpoints = failpoints,
                                                                   .clock = t.clock,
                                                                   .boot_id = "boot-1"});
  }
  ~InterpreterFixture() { workers->shutdown(); }

  Step step(const std::string& name) {
    return {.name = "create." + name,
            .run = [this, name](CancelToken&) -> Result<> {
              calls += name + " ";
              return {};
            },
            .undo = [this, name]() -> Result<> {
              calls += "-" + name + " ";
              return {};
            },
            .debt = [name]() -> std::optional<Debt> {
              return Debt{.kind = "kind", .key = name, .object = "o", .record = "r"};
            }};
  }
  Operation operation() {
    Operation made{.name = "create",
                   .object = uid,
                   .data = "data",
                   .steps = {},
                   .cancel = cancel,
                   .done = [this](Outcome done) { outcome = std::move(done); }};
    for (const char* name : {"a", "b", "c"}) made.steps.push_back(step(name));
    return made;
  }
  Result<> start(Operation operation) {
    store::Transaction transaction = store->begin();
    interpreter->start(transaction, std::move(operation));
    return transaction.commit();
  }
  void run(Operation operation) {
    ASSERT_TRUE(start(std::move(operation)));
    ASSERT_TRUE(t.turn_until([this] { return outcome.has_value(); }));
  }
  Result<> close() {
    store::Transaction transaction = store->begin();
    interpreter->close(transaction, *outcome);
    return transaction.commit();
  }
};

Error failure() { return Error::from_errno(EBUSY, "mount \"/x\"").with_reason("BUSY"); }

TEST(Interpreter, RunsStepsInOrderWithTimings) {
  InterpreterFixture f;
  Operation operation = f.operation();
  operation.steps[1].run = [&](CancelToken&) -> Result<> {
    f.calls += "b ";
    f.t.clock.advance(std::chrono::milliseconds(3));
    return {};
  };
  f.run(std::move(operation));
  EXPECT_TRUE(f.outcome->ok());
  EXPECT_EQ(f.calls, "a b c ");
  EXPECT_EQ(f.outcome->operation, "create");
  EXPECT_EQ(f.outcome->object, f.uid);
  ASSERT_EQ(f.outcome->timings.size(), 3U);
  EXPECT_EQ(f.outcome->timings[1].step, "create.b");
  EXPECT_EQ(f.outcome->timings[1].took, std::chrono::milliseconds(3));
  EXPECT_EQ(f.outcome->took, std::chrono::milliseconds(3));
  EXPECT_NE(f.outcome->committed, SteadyTime());
  EXPECT_GE(f.outcome->taken, f.outcome->committed);
  EXPECT_EQ(f.outcome->ended - f.outcome->taken, std::chrono::milliseconds(3));
}

TEST(Interpreter, JournalsFromStartToClose) {
  InterpreterFixture f;
  f.run(f.operation());
  const auto journal = *f.store->operations();
  ASSERT_EQ(journal.rows.size(), 1U);
  EXPECT_EQ(
      journal.rows[0],
      (store::OperationRow{
          .uid = f.uid, .operation = "create", .step = "", .boot_id = "boot-1", .data = "data"}));
  ASSERT_TRUE(f.close());
  EXPECT_TRUE(f.store->operations()->rows.empty());
}

TEST(Interpreter, RunsNothingWhenTheTransactionIsRolledBack) {
  InterpreterFixture f;
  {
    store::Transaction transaction = f.store->begin();
    f.interpreter->start(transaction, f.operation());
  }
  f.t.reactor->turn();
  EXPECT_EQ(f.calls, "");
  EXPECT_TRUE(f.table->snapshot().empty());
  EXPECT_TRUE(f.store->operations()->rows.empty());
}

TEST(Interpreter, TakesBackWhatWasDoneLastFirst) {
  InterpreterFixture f;
  Operation operation = f.operation();
  operation.steps[2].run = [&](CancelToken&) -> Result<> { return failure(); };
  f.run(std::move(operation));
  EXPECT_EQ(f.calls, "a b -b -a ");
  ASSERT_TRUE(f.outcome->error.has_value());
  EXPECT_EQ(f.outcome->error->reason(), "BUSY");
  EXPECT_EQ(f.outcome->error->step(), "create.c");
  EXPECT_EQ(f.outcome->error->object(), f.uid.str());
  ASSERT_EQ(f.outcome->timings.size(), 5U);
  EXPECT_EQ(f.outcome->timings[4].step, "undo create.a");
  EXPECT_TRUE(f.outcome->debts.empty());
}

TEST(Interpreter, OwesWhatItCannotTakeBackAndKeepsThePrimaryError) {
  InterpreterFixture f;
  Operation operation = f.operation();
  operation.steps[0].undo = []() -> Result<> { return Error(Code::kInternal, "still held"); };
  operation.steps[2].run = [&](CancelToken&) -> Result<> { return failure(); };
  f.run(std::move(operation));
  EXPECT_EQ(f.calls, "a b -b ");
  EXPECT_EQ(f.outcome->error->reason(), "BUSY");
  ASSERT_EQ(f.outcome->undo_errors.size(), 1U);
  EXPECT_EQ(f.outcome->undo_errors[0].step(), "undo create.a");
  ASSERT_EQ(f.outcome->debts.size(), 1U);
  EXPECT_EQ(f.outcome->debts[0].key, "a");
  ASSERT_TRUE(f.close());
  const auto owed = *f.store->debts();
  ASSERT_EQ(owed.rows.size(), 1U);
  EXPECT_EQ(owed.rows[0].last_error, "still held");
}

TEST(Interpreter, TakesBackHalfOfAStepThatAsksForIt) {
  InterpreterFixture f;
  Operation operation = f.operation();
  operation.steps[1].run = [&](CancelToken&) -> Result<> { return failure(); };
  operation.steps[1].undo_after_failure = true;
  operation.steps[1].undo = []() -> Result<> { return Error(Code::kInternal, "half is left"); };
  f.run(std::move(operation));
  EXPECT_EQ(f.calls, "a -a ");
  EXPECT_EQ(f.outcome->error->reason(), "BUSY");
  ASSERT_EQ(f.outcome->debts.size(), 1U);
  EXPECT_EQ(f.outcome->debts[0].key, "b");
}

TEST(Interpreter, HonoursACancelBetweenSteps) {
  InterpreterFixture f;
  Operation operation = f.operation();
  operation.steps[0].run = [&](CancelToken& token) -> Result<> {
    f.calls += "a ";
    token.cancel(Error(Code::kCancelled, "stop was asked for").with_reason("STOPPED"));
    return {};
  };
  f.run(std::move(operation));
  EXPECT_EQ(f.calls, "a -a ");
  EXPECT_EQ(f.outcome->error->reason(), "STOPPED");
  EXPECT_EQ(f.outcome->error->step(), "create.b");
}

TEST(Interpreter, CancelledDuringTheLastStepHasSucceeded) {
  InterpreterFixture f;
  Operation operation = f.operation();
  operation.steps[2].run = [](CancelToken& token) -> Result<> {
    token.cancel(Error(Code::kCancelled, "late"));
    return {};
  };
  f.run(std::move(operation));
  EXPECT_TRUE(f.outcome->ok());
}

TEST(Interpreter, AnExceptionOutOfAStepIsItsError) {
  InterpreterFixture f;
  Operation operation = f.operation();
  operation.steps[1].run = [](CancelToken&) -> Result<> { throw std::runtime_error("library"); };
  f.run(std::move(operation));
  EXPECT_EQ(f.outcome->error->code(), Code::kInternal);
  EXPECT_EQ(f.outcome->error->step(), "create.b");
  EXPECT_EQ(f.calls, "a -a ");
}

TEST(Interpreter, FailpointBeforeAStepKeepsItFromRunning) {
  InterpreterFixture f;
  ASSERT_TRUE(f.failpoints.arm("create.b=error:EIO"));
  f.run(f.operation());
  EXPECT_EQ(f.calls, "a -a ");
  EXPECT_EQ(f.outcome->error->reason(), "FAILPOINT");
  EXPECT_EQ(f.outcome->error->step(), "create.b");
}

TEST(Interpreter, FailpointAfterAStepTakesItBackToo) {
  InterpreterFixture f;
  ASSERT_TRUE(f.failpoints.arm("create.b:after=error"));
  f.run(f.operation());
  EXPECT_EQ(f.calls, "a b -b -a ");
}

TEST(Interpreter, FailpointInAnUndoMakesADebt) {
  InterpreterFixture f;
  ASSERT_TRUE(f.failpoints.arm("create.c=error"));
  ASSERT_TRUE(f.failpoints.arm("create.b:undo=error"));
  f.run(f.operation());
  EXPECT_EQ(f.calls, "a b -a ");
  ASSERT_EQ(f.outcome->debts.size(), 1U);
  EXPECT_EQ(f.outcome->debts[0].key, "b");
}

TEST(Interpreter, ShowsWhereAnOperationIs) {
  InterpreterFixture f;
  Operation operation = f.operation();
  std::string seen;
  operation.steps[1].run = [&](CancelToken&) -> Result<> {
    const auto snapshot = f.table->snapshot();
    seen = snapshot.at(0).object + " " + snapshot.at(0).operation + " " + snapshot.at(0).step;
    return {};
  };
  std::size_t at_end = 1;
  operation.done = [&](Outcome done) {
    at_end = f.table->snapshot().size();
    f.outcome = std::move(done);
  };
  f.run(std::move(operation));
  EXPECT_EQ(seen, f.uid.str() + " create create.b");
  EXPECT_EQ(at_end, 0U);
}

TEST(Interpreter, SaysSoWhenNoWorkerCanTakeIt) {
  InterpreterFixture f(0);
  f.run(f.operation());
  EXPECT_EQ(f.calls, "");
  ASSERT_TRUE(f.outcome->error.has_value());
  EXPECT_EQ(f.outcome->error->reason(), "WORKERS_BUSY");
  EXPECT_EQ(f.outcome->operation, "create");
  ASSERT_TRUE(f.close());
  EXPECT_TRUE(f.store->operations()->rows.empty());
}

}  // namespace
}  // namespace skerry::operations
