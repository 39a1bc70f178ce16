#include "agent/store/transaction.h"

#include "agent/store/database.h"
#include "agent/store/store.h"
#include "agent/store/tables.h"
#include "agent/store/transaction_write.h"
#include "base/check.h"

namespace skerry::store {

Transaction::Transaction(Store& store, std::optional<Error> failed)
    : store_(&store), failed_(std::move(failed)) {}

Transaction::Transaction(Transaction&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)),
      failed_(std::move(other.failed_)),
      on_commit_(std::move(other.on_commit_)),
      on_rollback_(std::move(other.on_rollback_)) {}

Transaction::~Transaction() {
  if (store_ != nullptr) end_without_effect();
}

template <class Row>
void Transaction::put_row(const Row& row) {
  std::apply([&](const auto&... column) { write(Table<Row>::kPut, column..., checksum(row)); },
             Table<Row>::columns(row));
}

void Transaction::put(const ContainerRow& row) { put_row(row); }
void Transaction::put(const TombstoneRow& row) { put_row(row); }
void Transaction::put(const DebtRow& row) { put_row(row); }
void Transaction::put(const ImageRow& row) { put_row(row); }
void Transaction::put(const ImageNameRow& row) { put_row(row); }
void Transaction::put(const OperationRow& row) { put_row(row); }
void Transaction::put(const ObjectRow& row) { put_row(row); }

void Transaction::remove_container(const Uid& uid) {
  write("DELETE FROM containers WHERE uid = ?", std::string_view(uid.str()));
}

void Transaction::remove_debt(std::string_view kind, std::string_view key) {
  write("DELETE FROM debts WHERE kind = ? AND key = ?", kind, key);
}

void Transaction::remove_image(std::string_view content_id) {
  write("DELETE FROM images WHERE content_id = ?", content_id);
}

void Transaction::remove_image_name(std::string_view name) {
  write("DELETE FROM image_names WHERE name = ?", name);
}

void Transaction::remove_operation(const Uid& uid, std::string_view operation) {
  write("DELETE FROM operations WHERE uid = ? AND operation = ?",
        std::string_view(uid.str()),
        operation);
}

void Transaction::remove_object(std::string_view kind, std::string_view key) {
  write("DELETE FROM objects WHERE kind = ? AND key = ?", kind, key);
}

void Transaction::purge_tombstones(WallTime before) {
  write("DELETE FROM tombstones WHERE removed_at < ?", to_column(before));
}

void Transaction::append_event(const EventRow& row, std::uint64_t total_bytes) {
  std::apply(
      [&](const auto&... column) {
        write(Table<EventRow>::kPut,
              column...,
              checksum(row),
              static_cast<std::int64_t>(total_bytes));
      },
      Table<EventRow>::columns(row));
}

void Transaction::drop_events_through(std::uint64_t sequence) {
  const auto last = static_cast<std::int64_t>(sequence);
  write("DELETE FROM events WHERE sequence <= ?", last);
  // An epoch is over, and forgotten, when a later one begins at or before what is kept.
  write(
      "DELETE FROM epochs WHERE EXISTS(SELECT 1 FROM epochs AS later "
      "WHERE later.epoch > epochs.epoch AND later.first_sequence <= ?)",
      last + 1);
}

void Transaction::quarantine_container(const Uid& uid, std::string_view why) {
  write(
      "INSERT INTO quarantine(source, key, why, time, record) "
      "SELECT 'containers', uid, ?, ?, record FROM containers WHERE uid = ?",
      why,
      to_column(store_->clock_.wall()),
      std::string_view(uid.str()));
  remove_container(uid);
}

void Transaction::quarantine_image(std::string_view content_id, std::string_view why) {
  write(
      "INSERT INTO quarantine(source, key, why, time, record) "
      "SELECT 'images', content_id, ?, ?, record FROM images WHERE content_id = ?",
      why,
      to_column(store_->clock_.wall()),
      content_id);
  remove_image(content_id);
}

void Transaction::quarantine_object(std::string_view kind,
                                    std::string_view key,
                                    std::string_view why) {
  write(
      "INSERT INTO quarantine(source, key, why, time, record) "
      "SELECT 'objects', kind || ' ' || key, ?, ?, record FROM objects WHERE kind = ? AND key = ?",
      why,
      to_column(store_->clock_.wall()),
      kind,
      key);
  remove_object(kind, key);
}

void Transaction::on_commit(runtime::Task task) { on_commit_.push_back(std::move(task)); }
void Transaction::on_rollback(runtime::Task task) { on_rollback_.push_back(std::move(task)); }

Result<> Transaction::commit() {
  CHECK(store_ != nullptr);
  write("COMMIT");
  if (failed_.has_value()) {
    Error error = *failed_;
    end_without_effect();
    return error;
  }
  std::exchange(store_, nullptr)->ended();
  on_rollback_.clear();
  for (runtime::Task& task : on_commit_) task();
  on_commit_.clear();
  return {};
}

void Transaction::end_without_effect() {
  Store& store = *std::exchange(store_, nullptr);
  // SQLite has rolled back by itself after some errors, a full disk among them.
  if (store.database_->in_transaction()) {
    const Result<> done = store.database_->run("ROLLBACK");
    if (!done && !failed_.has_value()) failed_ = done.error();
  }
  store.ended();
  if (failed_.has_value()) store.note_failure(*failed_);
  on_commit_.clear();
  for (runtime::Task& task : on_rollback_) task();
  on_rollback_.clear();
}

}  // namespace skerry::store
