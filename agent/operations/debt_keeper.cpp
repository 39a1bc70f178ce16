#include "agent/operations/debt_keeper.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

namespace skerry::operations {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kFirstDelay = std::chrono::seconds(1);
constexpr milliseconds kLongestDelay = std::chrono::minutes(5);
constexpr double kLeastFactor = 0.75;
constexpr double kFactorRange = 0.5;
// No attempt is put off for longer than this.
constexpr milliseconds kMostAhead = kLongestDelay * 5 / 4;

Debt to_debt(const store::DebtRow& row) {
  return {.kind = row.kind,
          .key = row.key,
          .object = row.object,
          .record = row.record,
          .why = row.last_error};
}

// How long until the next attempt. The wall clock by which debts are due may jump back: what is
// further ahead than ever put off is due.
nanoseconds time_left(const store::DebtRow& row, WallTime now) {
  const nanoseconds left = row.next_attempt - now;
  return left > kMostAhead ? nanoseconds::zero() : std::max(left, nanoseconds::zero());
}

Result<> pay(const DebtKeeper::Handler& handler, const Debt& debt) {
  try {
    return handler(debt);
  } catch (const std::exception& thrown) {
    return Error(Code::kInternal, fmt::format("exception: {}", thrown.what()));
  }
}

}  // namespace

milliseconds debt_backoff(std::uint32_t attempts, double jitter) {
  milliseconds delay = kFirstDelay;
  for (std::uint32_t i = 1; i < attempts && delay < kLongestDelay; ++i) delay *= 2;
  delay = std::min(delay, kLongestDelay);
  const double factor = kLeastFactor + kFactorRange * jitter;
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(delay.count()) * factor));
}

DebtKeeper::DebtKeeper(Parts parts)
    : parts_(parts),
      random_(std::random_device{}()),
      list_(std::make_shared<const std::vector<store::DebtRow>>()) {
  parts_.reactor.on_turn_end([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired() && std::exchange(changed_, false)) publish();
  });
}

void DebtKeeper::handle(std::string kind, Handler handler, Lanes lanes) {
  payers_.insert_or_assign(std::move(kind), Payer{std::move(handler), std::move(lanes)});
}

std::vector<std::string> DebtKeeper::lanes_of(const store::DebtRow& row) const {
  const auto payer = payers_.find(row.kind);
  if (payer == payers_.end() || !payer->second.lanes) return {};
  return payer->second.lanes(to_debt(row));
}

bool DebtKeeper::is_full(const std::vector<std::string>& lanes) const {
  const auto found = in_flight_.find(lanes);
  return found != in_flight_.end() && found->second >= kMaxInFlight;
}

Result<> DebtKeeper::enqueue(runtime::Task task, const std::vector<std::string>& lanes) {
  if (lanes.empty() || parts_.foreign == nullptr) return parts_.workers.submit(std::move(task));
  return parts_.foreign->submit(std::move(task), lanes);
}

Result<> DebtKeeper::load() {
  TRY_ASSIGN(const auto loaded, parts_.store.debts());
  for (const store::BadRecord& bad : loaded.bad) {
    parts_.trace.warning("the record of a debt is damaged, and in quarantine",
                         {{"key", bad.key}, {"why", bad.why}});
  }
  for (store::DebtRow row : loaded.rows) {
    row.next_attempt = parts_.clock.wall();
    if (!payers_.contains(row.kind)) row.last_error = "nobody pays debts of this kind";
    insert(std::move(row));
  }
  publish();
  schedule();
  return {};
}

void DebtKeeper::add(store::Transaction& transaction, const Debt& debt) {
  const WallTime now = parts_.clock.wall();
  store::DebtRow row{.kind = debt.kind,
                     .key = debt.key,
                     .object = debt.object,
                     .record = debt.record,
                     .attempts = 0,
                     .next_attempt = now + kFirstDelay,
                     .last_error = debt.why,
                     .created = now};
  transaction.put(row);
  transaction.on_commit([this, row = std::move(row)]() mutable {
    insert(std::move(row));
    schedule();
  });
}

void DebtKeeper::forget(store::Transaction& transaction,
                        std::string_view kind,
                        std::string_view key) {
  transaction.remove_debt(kind, key);
  transaction.on_commit(
      [this, where = Key(kind, key)] { changed_ = debts_.erase(where) > 0 || changed_; });
}

DebtKeeper::List DebtKeeper::list() const {
  const runtime::MutexLock lock(mutex_);
  return list_;
}

void DebtKeeper::insert(store::DebtRow row) {
  Entry& entry = debts_[Key(row.kind, row.key)];
  std::vector<std::string> lanes = lanes_of(row);
  entry = {.row = std::move(row),
           .lanes = std::move(lanes),
           .in_flight = false,
           .version = next_version_++};
  changed_ = true;
}

// One timer for the earliest; looked at again at least every five minutes, since the wall clock may
// jump.
void DebtKeeper::schedule() {
  timer_.reset();
  const WallTime now = parts_.clock.wall();
  std::optional<nanoseconds> delay;
  for (const auto& [key, entry] : debts_) {
    if (entry.in_flight || !payers_.contains(entry.row.kind)) continue;
    if (is_full(entry.lanes)) continue;  // looked at again when one of them has been tried
    const nanoseconds left = std::min<nanoseconds>(time_left(entry.row, now), kLongestDelay);
    delay = std::min(delay.value_or(left), left);
  }
  if (delay.has_value()) timer_ = parts_.reactor.after(*delay, [this] { try_due(); });
}

void DebtKeeper::try_due() {
  const WallTime now = parts_.clock.wall();
  for (auto& [key, entry] : debts_) {
    if (entry.in_flight || time_left(entry.row, now) > nanoseconds::zero()) continue;
    if (payers_.contains(entry.row.kind)) try_one(key, entry);
  }
  schedule();
}

void DebtKeeper::try_one(const Key& key, Entry& entry) {
  const std::vector<std::string>& lanes = entry.lanes;
  if (is_full(lanes)) return;
  runtime::Reactor& reactor = parts_.reactor;
  auto work = [this,
               &reactor,
               alive = std::weak_ptr(alive_),
               key,
               lanes,
               version = entry.version,
               handler = payers_.at(entry.row.kind).handler,
               debt = to_debt(entry.row)] {
    reactor.post([this, alive, key, lanes, version, result = pay(handler, debt)] {
      if (!alive.expired()) tried(key, version, lanes, result);
    });
  };
  if (!enqueue(std::move(work), lanes)) {
    // Not the debt's fault, so not one of its attempts.
    entry.row.next_attempt = parts_.clock.wall() + kFirstDelay;
    return;
  }
  entry.in_flight = true;
  ++in_flight_[lanes];
}

void DebtKeeper::tried(const Key& key,
                       std::uint64_t version,
                       const std::vector<std::string>& lanes,
                       const Result<>& result) {
  if (--in_flight_[lanes] == 0) in_flight_.erase(lanes);
  const auto found = debts_.find(key);
  if (found != debts_.end() && found->second.version == version) {
    Entry& entry = found->second;
    entry.in_flight = false;
    if (result) {
      paid(key, entry);
    } else {
      put_off(entry, result.error());
    }
  }
  schedule();
}

void DebtKeeper::paid(const Key& key, Entry& entry) {
  store::Transaction transaction = parts_.store.begin();
  transaction.remove_debt(key.first, key.second);
  const Result<> committed = transaction.commit();
  if (!committed) {
    // It is paid once more then, which does no harm.
    put_off(entry, committed.error());
    return;
  }
  parts_.trace.notice("a debt is paid",
                      {{"kind", key.first},
                       {"key", key.second},
                       {"object", entry.row.object},
                       {"attempts", std::to_string(entry.row.attempts + 1)}});
  debts_.erase(key);
  changed_ = true;
}

void DebtKeeper::put_off(Entry& entry, const Error& why) {
  store::DebtRow& row = entry.row;
  ++row.attempts;
  const double jitter = std::generate_canonical<double, 16>(random_);
  row.next_attempt = parts_.clock.wall() + debt_backoff(row.attempts, jitter);
  if (row.last_error != why.message()) {
    parts_.trace.error("a debt is not paid yet",
                       why,
                       {{"kind", row.kind}, {"key", row.key}, {"debtor", row.object}});
  }
  row.last_error = why.message();
  changed_ = true;
  store::Transaction transaction = parts_.store.begin();
  transaction.put(row);
  // When it cannot be recorded, the row on disk merely tells of fewer attempts.
  static_cast<void>(transaction.commit());
}

void DebtKeeper::publish() {
  auto list = std::make_shared<std::vector<store::DebtRow>>();
  list->reserve(debts_.size());
  for (const auto& [key, entry] : debts_) list->push_back(entry.row);
  const runtime::MutexLock lock(mutex_);
  list_ = std::move(list);
}

}  // namespace skerry::operations
