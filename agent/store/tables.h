// How rows become columns and back. One Table<Row> per kind of row; every table has, after its own
// columns, the checksum of all of them and of the table's name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "agent/store/checksum.h"
#include "agent/store/database.h"
#include "agent/store/rows.h"
#include "base/result.h"

namespace skerry::store {

inline std::int64_t to_column(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime to_time(std::int64_t column) { return WallTime(std::chrono::nanoseconds(column)); }

/// Has: kName; kDelete; kSelect (rowid, key for people, …, sum; in order); kPut (columns, sum);
/// columns(row) as a tuple of integers, strings and Blobs; row(query); kSum, the column of
/// the checksum.
template <class Row>
struct Table;

template <>
struct Table<ContainerRow> {
  static constexpr std::string_view kName = "containers";
  static constexpr const char* kDelete = "DELETE FROM containers WHERE rowid = ?";
  static constexpr const char* kSelect =
      "SELECT rowid, uid, tenant, id, name, state, record, sum FROM containers ORDER BY uid";
  static constexpr const char* kPut =
      "INSERT INTO containers(uid, tenant, id, name, state, record, sum) VALUES(?,?,?,?,?,?,?) "
      "ON CONFLICT(uid) DO UPDATE SET tenant=excluded.tenant, id=excluded.id, name=excluded.name, "
      "state=excluded.state, record=excluded.record, sum=excluded.sum";
  static auto columns(const ContainerRow& row) {
    return std::make_tuple(std::string_view(row.uid.str()),
                           std::string_view(row.tenant),
                           std::string_view(row.id),
                           std::string_view(row.name),
                           std::string_view(row.state),
                           Blob(row.record));
  }
  static Result<ContainerRow> row(const Query& query) {
    TRY_ASSIGN(Uid uid, Uid::parse(query.bytes(1)));
    return ContainerRow{.uid = std::move(uid),
                        .tenant = query.bytes(2),
                        .id = query.bytes(3),
                        .name = query.bytes(4),
                        .state = query.bytes(5),
                        .record = query.bytes(6)};
  }
  static constexpr int kSum = 7;
};

template <>
struct Table<TombstoneRow> {
  static constexpr std::string_view kName = "tombstones";
  static constexpr const char* kDelete = "DELETE FROM tombstones WHERE rowid = ?";
  static constexpr const char* kSelect =
      "SELECT rowid, tenant || '/' || id, tenant, id, uid, removed_at, sum FROM tombstones "
      "ORDER BY tenant, id";
  static constexpr const char* kPut =
      "INSERT INTO tombstones(tenant, id, uid, removed_at, sum) VALUES(?,?,?,?,?) "
      "ON CONFLICT(tenant, id) DO UPDATE SET uid=excluded.uid, removed_at=excluded.removed_at, "
      "sum=excluded.sum";
  static auto columns(const TombstoneRow& row) {
    return std::make_tuple(std::string_view(row.tenant),
                           std::string_view(row.id),
                           std::string_view(row.uid.str()),
                           to_column(row.removed_at));
  }
  static constexpr const char* kSelectOne =
      "SELECT rowid, tenant || '/' || id, tenant, id, uid, removed_at, sum FROM tombstones "
      "WHERE tenant = ? AND id = ?";
  static Result<TombstoneRow> row(const Query& query) {
    TRY_ASSIGN(Uid uid, Uid::parse(query.bytes(4)));
    return TombstoneRow{.tenant = query.bytes(2),
                        .id = query.bytes(3),
                        .uid = std::move(uid),
                        .removed_at = to_time(query.integer(5))};
  }
  static constexpr int kSum = 6;
};

template <>
struct Table<DebtRow> {
  static constexpr std::string_view kName = "debts";
  static constexpr const char* kDelete = "DELETE FROM debts WHERE rowid = ?";
  static constexpr const char* kSelect =
      "SELECT rowid, kind || ' ' || key, kind, key, object, record, attempts, next_attempt, "
      "last_error, created, sum FROM debts ORDER BY kind, key";
  static constexpr const char* kPut =
      "INSERT INTO debts(kind, key, object, record, attempts, next_attempt, last_error, created, "
      "sum) VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(kind, key) DO UPDATE SET "
      "object=excluded.object, record=excluded.record, attempts=excluded.attempts, "
      "next_attempt=excluded.next_attempt, last_error=excluded.last_error, "
      "created=excluded.created, sum=excluded.sum";
  static auto columns(const DebtRow& row) {
    return std::make_tuple(std::string_view(row.kind),
                           std::string_view(row.key),
                           std::string_view(row.object),
                           Blob(row.record),
                           std::int64_t{row.attempts},
                           to_column(row.next_attempt),
                           std::string_view(row.last_error),
                           to_column(row.created));
  }
  static Result<DebtRow> row(const Query& query) {
    return DebtRow{.kind = query.bytes(2),
                   .key = query.bytes(3),
                   .object = query.bytes(4),
                   .record = query.bytes(5),
                   .attempts = static_cast<std::uint32_t>(query.integer(6)),
                   .next_attempt = to_time(query.integer(7)),
                   .last_error = query.bytes(8),
                   .created = to_time(query.integer(9))};
  }
  static constexpr int kSum = 10;
};

template <>
struct Table<ImageRow> {
  static constexpr std::string_view kName = "images";
  static constexpr const char* kDelete = "DELETE FROM images WHERE rowid = ?";
  static constexpr const char* kSelect =
      "SELECT rowid, content_id, record, sum FROM images ORDER BY content_id";
  static constexpr const char* kPut =
      "INSERT INTO images(content_id, record, sum) VALUES(?,?,?) "
      "ON CONFLICT(content_id) DO UPDATE SET record=excluded.record, sum=excluded.sum";
  static auto columns(const ImageRow& row) {
    return std::make_tuple(std::string_view(row.content_id), Blob(row.record));
  }
  static Result<ImageRow> row(const Query& query) {
    return ImageRow{.content_id = query.bytes(1), .record = query.bytes(2)};
  }
  static constexpr int kSum = 3;
};

template <>
struct Table<ImageNameRow> {
  static constexpr std::string_view kName = "image_names";
  static constexpr const char* kDelete = "DELETE FROM image_names WHERE rowid = ?";
  static constexpr const char* kSelect =
      "SELECT rowid, name, content_id, sum FROM image_names ORDER BY name";
  static constexpr const char* kPut =
      "INSERT INTO image_names(name, content_id, sum) VALUES(?,?,?) "
      "ON CONFLICT(name) DO UPDATE SET content_id=excluded.content_id, sum=excluded.sum";
  static auto columns(const ImageNameRow& row) {
    return std::make_tuple(std::string_view(row.name), std::string_view(row.content_id));
  }
  static Result<ImageNameRow> row(const Query& query) {
    return ImageNameRow{.name = query.bytes(1), .content_id = query.bytes(2)};
  }
  static constexpr int kSum = 3;
};

template <>
struct Table<OperationRow> {
  static constexpr std::string_view kName = "operations";
  static constexpr const char* kDelete = "DELETE FROM operations WHERE rowid = ?";
  static constexpr const char* kSelect =
      "SELECT rowid, uid || ' ' || operation, uid, operation, step, boot_id, data, sum "
      "FROM operations ORDER BY uid, operation";
  static constexpr const char* kPut =
      "INSERT INTO operations(uid, operation, step, boot_id, data, sum) VALUES(?,?,?,?,?,?) "
      "ON CONFLICT(uid, operation) DO UPDATE SET step=excluded.step, boot_id=excluded.boot_id, "
      "data=excluded.data, sum=excluded.sum";
  static auto columns(const OperationRow& row) {
    return std::make_tuple(std::string_view(row.uid.str()),
                           std::string_view(row.operation),
                           std::string_view(row.step),
                           std::string_view(row.boot_id),
                           Blob(row.data));
  }
  static Result<OperationRow> row(const Query& query) {
    TRY_ASSIGN(Uid uid, Uid::parse(query.bytes(2)));
    return OperationRow{.uid = std::move(uid),
                        .operation = query.bytes(3),
                        .step = query.bytes(4),
                        .boot_id = query.bytes(5),
                        .data = query.bytes(6)};
  }
  static constexpr int kSum = 7;
};

template <>
struct Table<ObjectRow> {
  static constexpr std::string_view kName = "objects";
  static constexpr const char* kDelete = "DELETE FROM objects WHERE rowid = ?";
  static constexpr const char* kSelect =
      "SELECT rowid, kind || ' ' || key, kind, key, record, sum FROM objects ORDER BY kind, key";
  static constexpr const char* kPut =
      "INSERT INTO objects(kind, key, record, sum) VALUES(?,?,?,?) "
      "ON CONFLICT(kind, key) DO UPDATE SET record=excluded.record, sum=excluded.sum";
  static auto columns(const ObjectRow& row) {
    return std::make_tuple(std::string_view(row.kind), std::string_view(row.key), Blob(row.record));
  }
  static Result<ObjectRow> row(const Query& query) {
    return ObjectRow{.kind = query.bytes(2), .key = query.bytes(3), .record = query.bytes(4)};
  }
  static constexpr int kSum = 5;
};

template <>
struct Table<EventRow> {
  static constexpr std::string_view kName = "events";
  static constexpr const char* kSelectAfter =
      "SELECT rowid, sequence, epoch, time, type, object, blob, sum FROM events "
      "WHERE sequence > ? ORDER BY sequence LIMIT ?";
  static constexpr const char* kPut =
      "INSERT INTO events(sequence, epoch, time, type, object, blob, sum, total_bytes) "
      "VALUES(?,?,?,?,?,?,?,?)";
  static auto columns(const EventRow& row) {
    return std::make_tuple(static_cast<std::int64_t>(row.sequence),
                           static_cast<std::int64_t>(row.epoch),
                           to_column(row.time),
                           std::int64_t{row.type},
                           std::string_view(row.object),
                           Blob(row.blob));
  }
  static Result<EventRow> row(const Query& query) {
    return EventRow{.epoch = static_cast<std::uint64_t>(query.integer(2)),
                    .sequence = static_cast<std::uint64_t>(query.integer(1)),
                    .time = to_time(query.integer(3)),
                    .type = static_cast<std::uint32_t>(query.integer(4)),
                    .object = query.bytes(5),
                    .blob = query.bytes(6)};
  }
  static constexpr int kSum = 7;
};

namespace detail {
inline std::uint32_t add_to_sum(std::uint32_t sum, std::int64_t value) {
  return crc32c({reinterpret_cast<const char*>(&value), sizeof value}, sum);
}
// With their lengths, so that no two rows run together into the same bytes.
inline std::uint32_t add_to_sum(std::uint32_t sum, std::string_view text) {
  return crc32c(text, add_to_sum(sum, static_cast<std::int64_t>(text.size())));
}
inline std::uint32_t add_to_sum(std::uint32_t sum, Blob blob) {
  return add_to_sum(sum, blob.bytes);
}
}  // namespace detail

/// The checksum of a row: bound to the table and the key, so that a record under another's key is
/// found, too.
template <class Row>
std::int64_t checksum(const Row& row) {
  std::uint32_t sum = crc32c(Table<Row>::kName);
  std::apply([&](const auto&... column) { ((sum = detail::add_to_sum(sum, column)), ...); },
             Table<Row>::columns(row));
  return sum;
}

/// The row under the cursor. Errors: DATA_LOSS, reason RECORD_DAMAGED.
template <class Row>
Result<Row> checked_row(const Query& query) {
  Result<Row> row = Table<Row>::row(query);
  if (row && checksum(*row) == query.integer(Table<Row>::kSum)) return row;
  return Error(Code::kDataLoss,
               std::string(Table<Row>::kName) + " \"" + query.bytes(1) +
                   "\": the record does not match its checksum")
      .with_reason("RECORD_DAMAGED");
}

}  // namespace skerry::store
