#include "agent/store/store.h"

#include <algorithm>

#include <fmt/format.h>

#include "agent/store/database.h"
#include "agent/store/disk_thread.h"
#include "agent/store/open_database.h"
#include "agent/store/tables.h"
#include "agent/store/transaction_write.h"
#include "base/check.h"

namespace skerry::store {
namespace {

// 16 MiB of WAL are what the store thread copies at once. Each time it is done, the reactor's next
// transaction begins the WAL anew, and SQLite syncs its first page then: a wait that cannot be
// moved elsewhere without risking the order of writes, so it shall be rare. Where the store thread
// cannot keep up, the reactor stops and copies: better a stall than a WAL without bound.
constexpr int kCheckpointPages = 4'000;
constexpr int kStallPages = 16'000;
constexpr std::size_t kMaxEpochs = 1000;

constexpr const char* kSetMeta =
    "INSERT INTO meta(key, value) VALUES(?,?) ON CONFLICT(key) DO UPDATE SET value=excluded.value";

Result<std::string> meta(Database& database, std::string_view key) {
  TRY_ASSIGN(Query query, database.query("SELECT value FROM meta WHERE key = ?", key));
  TRY_ASSIGN(const bool found, query.next());
  return found ? query.bytes(0) : std::string();
}

std::uint64_t to_unsigned(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

std::uint64_t milliseconds_of(WallTime time) {
  return to_unsigned(
      std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count());
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(Options options,
                                           runtime::Reactor& reactor,
                                           runtime::Trace& trace,
                                           const Clock& clock) {
  std::unique_ptr<Store> store(new Store(std::move(options), reactor, trace, clock));
  const std::filesystem::path& root = store->options_.root;
  TRY_ASSIGN(store->lock_, lock_root(root));
  TRY_ASSIGN(OpenedDatabase opened, open_database(root, trace, clock));
  store->database_ = std::move(opened.database);
  store->opening_.fresh = opened.fresh;
  store->opening_.moved_aside = std::move(opened.moved_aside);
  TRY(store->begin_life());
  TRY_ASSIGN(store->disk_, DiskThread::start(database_file(root), reactor, trace));
  store->disk_->checkpoint();
  store->database_->on_wal([raw = store.get()](int pages) { raw->wal_grew(pages); });
  return store;
}

Store::Store(Options options, runtime::Reactor& reactor, runtime::Trace& trace, const Clock& clock)
    : options_(std::move(options)), reactor_(reactor), trace_(trace), clock_(clock) {}

Store::~Store() {
  CHECK(!in_transaction_);
  disk_.reset();
}

Result<> Store::read_opening() {
  TRY_ASSIGN(opening_.agent_id, meta(*database_, "agent_id"));
  TRY_ASSIGN(const std::string clean, meta(*database_, "clean"));
  opening_.clean = clean == "1";
  if (!Uid::parse(opening_.agent_id)) opening_.agent_id = Uid::make().str();
  return {};
}

Result<> Store::begin_life() {
  TRY(read_opening());
  TRY_ASSIGN(const EventBounds bounds, event_bounds());
  opening_.epoch = bounds.epochs.empty() ? 0 : bounds.epochs.back().first;
  const bool new_epoch = !opening_.clean || bounds.epochs.empty();
  // Never a number that an earlier database of this host had: hence the time in it.
  if (new_epoch) opening_.epoch = std::max(opening_.epoch + 1, milliseconds_of(clock_.wall()));

  // On disk before the first event is: a power cut must not bring back the good-bye of the last
  // life, and with it an epoch whose numbers were given out twice.
  TRY(database_->script("PRAGMA synchronous = FULL"));
  Transaction transaction = begin();
  transaction.write(kSetMeta, std::string_view("agent_id"), std::string_view(opening_.agent_id));
  transaction.write(kSetMeta, std::string_view("clean"), std::string_view("0"));
  if (new_epoch) {
    transaction.write("INSERT INTO epochs(epoch, first_sequence) VALUES(?,?)",
                      static_cast<std::int64_t>(opening_.epoch),
                      static_cast<std::int64_t>(bounds.head + 1));
    transaction.write(
        "DELETE FROM epochs WHERE epoch NOT IN "
        "(SELECT epoch FROM epochs ORDER BY epoch DESC LIMIT ?)",
        static_cast<std::int64_t>(kMaxEpochs));
  }
  TRY(transaction.commit());
  return database_->script("PRAGMA synchronous = NORMAL");
}

Transaction Store::begin() {
  CHECK(reactor_.in_reactor());
  CHECK(!in_transaction_);
  in_transaction_ = true;
  if (refused_.has_value()) return Transaction(*this, refused_);
  Result<> begun = database_->run("BEGIN IMMEDIATE");
  if (!begun) return Transaction(*this, std::move(begun).error());
  return Transaction(*this, std::nullopt);
}

void Store::ended() { in_transaction_ = false; }

void Store::note_failure(const Error& error) {
  if (error.reason() != kDamaged || refused_.has_value()) return;
  refused_ = error;
  mark_damaged(options_.root);
  trace_.error("the state is damaged", error, {{"root", options_.root.string()}});
  if (!options_.on_damage) return;
  reactor_.post([call = options_.on_damage, error] { call(error); });
}

template <class T>
Result<T> Store::noted(Result<T> result) {
  if (!result) note_failure(result.error());
  return result;
}

void Store::wal_grew(int pages) {
  if (pages < kCheckpointPages || !disk_) return;
  disk_->checkpoint();
  if (pages < kStallPages) return;
  // The store thread's copy ends where the WAL did when it began; ours, with nobody writing, ends
  // at its end, and only then does the WAL begin anew.
  disk_->finish_checkpoint();
  const Result<Database::Checkpoint> done = database_->checkpoint_passive();
  if (!done) note_failure(done.error());
}

template <class Row>
Result<Loaded<Row>> Store::load() {
  CHECK(reactor_.in_reactor());
  Loaded<Row> loaded;
  std::vector<Damaged> damaged;
  {
    TRY_ASSIGN(Query query, database_->query(Table<Row>::kSelect));
    for (;;) {
      TRY_ASSIGN(const bool more, query.next());
      if (!more) break;
      Result<Row> row = checked_row<Row>(query);
      if (row) {
        loaded.rows.push_back(std::move(*row));
        continue;
      }
      Damaged bad{.record = {.table = std::string(Table<Row>::kName),
                             .key = query.bytes(1),
                             .why = row.error().message()},
                  .rowid = query.integer(0),
                  .columns = {}};
      for (int i = 1; i <= Table<Row>::kSum; ++i) bad.columns += query.bytes(i) + '\0';
      damaged.push_back(std::move(bad));
    }
  }
  if (!damaged.empty()) TRY(move_to_quarantine(Table<Row>::kDelete, damaged));
  for (Damaged& bad : damaged) loaded.bad.push_back(std::move(bad.record));
  return loaded;
}

Result<> Store::move_to_quarantine(const char* delete_sql, const std::vector<Damaged>& damaged) {
  Transaction transaction = begin();
  for (const Damaged& bad : damaged) {
    transaction.write("INSERT INTO quarantine(source, key, why, time, record) VALUES(?,?,?,?,?)",
                      std::string_view(bad.record.table),
                      std::string_view(bad.record.key),
                      std::string_view(bad.record.why),
                      to_column(clock_.wall()),
                      Blob(bad.columns));
    transaction.write(delete_sql, bad.rowid);
  }
  return transaction.commit();
}

Result<Loaded<ContainerRow>> Store::containers() { return noted(load<ContainerRow>()); }
Result<Loaded<DebtRow>> Store::debts() { return noted(load<DebtRow>()); }
Result<Loaded<ImageRow>> Store::images() { return noted(load<ImageRow>()); }
Result<Loaded<ImageNameRow>> Store::image_names() { return noted(load<ImageNameRow>()); }
Result<Loaded<OperationRow>> Store::operations() { return noted(load<OperationRow>()); }
Result<Loaded<ObjectRow>> Store::objects() { return noted(load<ObjectRow>()); }

Result<std::optional<TombstoneRow>> Store::tombstone(std::string_view tenant, std::string_view id) {
  CHECK(reactor_.in_reactor());
  TRY_ASSIGN(Query query, noted(database_->query(Table<TombstoneRow>::kSelectOne, tenant, id)));
  TRY_ASSIGN(const bool found, noted(query.next()));
  if (!found) return std::nullopt;
  TRY_ASSIGN(TombstoneRow row, checked_row<TombstoneRow>(query));
  return row;
}

Result<std::vector<BadRecord>> Store::quarantine() {
  std::vector<BadRecord> bad;
  TRY_ASSIGN(Query query,
             database_->query("SELECT source, key, why FROM quarantine ORDER BY rowid"));
  for (;;) {
    TRY_ASSIGN(const bool more, query.next());
    if (!more) return bad;
    bad.push_back({.table = query.bytes(0), .key = query.bytes(1), .why = query.bytes(2)});
  }
}

Result<Store::EventBounds> Store::event_bounds() { return noted(read_event_bounds()); }

Result<Store::EventBounds> Store::read_event_bounds() {
  EventBounds bounds;
  {
    TRY_ASSIGN(Query epochs,
               database_->query("SELECT epoch, first_sequence FROM epochs ORDER BY epoch"));
    for (;;) {
      TRY_ASSIGN(const bool more, epochs.next());
      if (!more) break;
      bounds.epochs.emplace_back(to_unsigned(epochs.integer(0)), to_unsigned(epochs.integer(1)));
    }
  }
  if (!bounds.epochs.empty()) bounds.head = bounds.epochs.back().second - 1;
  bounds.first = bounds.head + 1;
  TRY_ASSIGN(Query edges,
             database_->query("SELECT (SELECT min(sequence) FROM events), sequence, total_bytes "
                              "FROM events ORDER BY sequence DESC LIMIT 1"));
  TRY_ASSIGN(const bool found, edges.next());
  if (found) {
    bounds.first = to_unsigned(edges.integer(0));
    bounds.head = to_unsigned(edges.integer(1));
    bounds.total_bytes = to_unsigned(edges.integer(2));
  }
  return bounds;
}

Result<std::vector<Store::EventMark>> Store::oldest_events(std::size_t count) {
  return noted(read_oldest_events(count));
}

Result<std::vector<Store::EventMark>> Store::read_oldest_events(std::size_t count) {
  std::vector<EventMark> marks;
  TRY_ASSIGN(
      Query query,
      database_->query("SELECT sequence, time, total_bytes FROM events ORDER BY sequence LIMIT ?",
                       static_cast<std::int64_t>(count)));
  for (;;) {
    TRY_ASSIGN(const bool more, query.next());
    if (!more) return marks;
    marks.push_back({.sequence = to_unsigned(query.integer(0)),
                     .time = to_time(query.integer(1)),
                     .total_bytes = to_unsigned(query.integer(2))});
  }
}

void Store::durable(std::move_only_function<void(Result<>)> done) {
  CHECK(reactor_.in_reactor());
  if (refused_.has_value()) {
    reactor_.post([done = std::move(done), error = *refused_]() mutable { done(error); });
    return;
  }
  disk_->durable(std::move(done));
}

Result<std::unique_ptr<StoreReader>> Store::open_reader() {
  TRY_ASSIGN(std::unique_ptr<Database> database, Database::open(database_file(options_.root)));
  database->no_checkpoint_on_close();
  TRY(database->script("PRAGMA query_only = ON"));
  return std::make_unique<StoreReader>(std::move(database));
}

Result<> Store::close_clean() {
  TRY(database_->script("PRAGMA synchronous = FULL"));
  Transaction transaction = begin();
  transaction.write(kSetMeta, std::string_view("clean"), std::string_view("1"));
  TRY(transaction.commit());
  refused_ = Error(Code::kUnavailable, "the state was closed").with_reason("DAEMON_STOPPING");
  disk_.reset();
  return {};
}

}  // namespace skerry::store
