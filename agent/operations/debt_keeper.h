// Debts: undos that failed, retried until they succeed. Recorded, visible, and outliving whatever
// incurred them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "agent/operations/step.h"
#include "agent/runtime/laned_pool.h"
#include "agent/runtime/mutex.h"
#include "agent/runtime/reactor.h"
#include "agent/runtime/worker_pool.h"
#include "agent/store/store.h"
#include "base/clock.h"

namespace skerry::operations {

/// How long after the `attempts`-th failure the next try is: 1 s doubling to 5 minutes, times a
/// random factor of 0.75 to 1.25 (`jitter` in [0, 1) chooses it).
std::chrono::milliseconds debt_backoff(std::uint32_t attempts, double jitter);

/// Thread: reactor, where nothing else is said.
class DebtKeeper final {
 public:
  /// Pays one debt. Idempotent: paying what is not owed succeeds. Thread: worker.
  using Handler = std::function<Result<>(const Debt&)>;
  /// Whose foreign code paying the debt runs, as Operation::lanes. Pure. Thread: reactor.
  using Lanes = std::function<std::vector<std::string>(const Debt&)>;
  using List = std::shared_ptr<const std::vector<store::DebtRow>>;

  struct Parts {
    runtime::Reactor& reactor;
    runtime::WorkerPool& workers;
    store::Store& store;
    runtime::Trace& trace;
    const Clock& clock;
    /// For debts with lanes. Null: there is none, and they are paid on `workers`.
    runtime::LanedPool* foreign = nullptr;
  };
  explicit DebtKeeper(Parts parts);
  DebtKeeper(const DebtKeeper&) = delete;
  DebtKeeper& operator=(const DebtKeeper&) = delete;
  ~DebtKeeper() = default;

  /// Registers who pays debts of `kind`; before load(). A debt of a kind nobody pays stays, with
  /// that as its error.
  void handle(std::string kind, Handler handler, Lanes lanes = {});
  /// Reads what is owed and makes all of it due now. Errors: as reading the store.
  Result<> load();

  /// Records a debt in `transaction`; the first try comes 1 s after the commit. One that is owed
  /// already starts over.
  void add(store::Transaction& transaction, const Debt& debt);
  /// Drops a debt that was paid by other means.
  void forget(store::Transaction& transaction, std::string_view kind, std::string_view key);

  /// What is owed, by kind and key, as of the end of the last turn. Thread: any.
  List list() const;

  /// Debts tried at the same time, so that a hung one leaves workers to the others: of those
  /// without lanes together, of those with lanes for each set of them.
  static constexpr std::size_t kMaxInFlight = 4;

 private:
  struct Entry {
    store::DebtRow row;
    std::vector<std::string> lanes;
    bool in_flight = false;
    // Of this adding: what a try that began before it says is about another debt.
    std::uint64_t version = 0;
  };
  using Key = std::pair<std::string, std::string>;
  struct Payer {
    Handler handler;
    Lanes lanes;
  };
  std::vector<std::string> lanes_of(const store::DebtRow& row) const;
  bool is_full(const std::vector<std::string>& lanes) const;
  Result<> enqueue(runtime::Task task, const std::vector<std::string>& lanes);
  void insert(store::DebtRow row);
  void schedule();
  void try_due();
  void try_one(const Key& key, Entry& entry);
  void tried(const Key& key,
             std::uint64_t version,
             const std::vector<std::string>& lanes,
             const Result<>& result);
  void paid(const Key& key, Entry& entry);
  void put_off(Entry& entry, const Error& why);
  void publish();

  Parts parts_;
  std::map<std::string, Payer> payers_;
  std::map<Key, Entry> debts_;
  std::map<std::vector<std::string>, std::size_t> in_flight_;  // by lanes
  std::uint64_t next_version_ = 1;
  runtime::Timer timer_;
  std::minstd_rand random_;
  bool changed_ = false;  // since the list was published
  // For what workers post and the reactor keeps: the keeper may be gone by then.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  mutable runtime::Mutex mutex_;
  List list_ GUARDED_BY(mutex_);
};

}  // namespace skerry::operations
