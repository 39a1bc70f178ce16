#include "agent/store/schema.h"

#include <array>

#include <fmt/format.h>

namespace skerry::store {
namespace {

constexpr std::int64_t kApplicationId = 0x536B7279;  // "Skry"; file(1) shows it

constexpr const char* kVersion1 = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE containers(
  uid TEXT PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
  state TEXT NOT NULL, record BLOB NOT NULL, sum INTEGER NOT NULL);
CREATE TABLE tombstones(
  tenant TEXT NOT NULL, id TEXT NOT NULL, uid TEXT NOT NULL, removed_at INTEGER NOT NULL,
  sum INTEGER NOT NULL, PRIMARY KEY(tenant, id));
CREATE TABLE debts(
  kind TEXT NOT NULL, key TEXT NOT NULL, object TEXT NOT NULL, record BLOB NOT NULL,
  attempts INTEGER NOT NULL, next_attempt INTEGER NOT NULL, last_error TEXT NOT NULL,
  created INTEGER NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY(kind, key));
CREATE TABLE images(content_id TEXT PRIMARY KEY, record BLOB NOT NULL, sum INTEGER NOT NULL);
CREATE TABLE image_names(
  name TEXT PRIMARY KEY, content_id TEXT NOT NULL, sum INTEGER NOT NULL);
CREATE TABLE operations(
  uid TEXT NOT NULL, operation TEXT NOT NULL, step TEXT NOT NULL, boot_id TEXT NOT NULL,
  data BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY(uid, operation));
CREATE TABLE events(
  sequence INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, time INTEGER NOT NULL,
  type INTEGER NOT NULL, object TEXT NOT NULL, blob BLOB NOT NULL, sum INTEGER NOT NULL,
  total_bytes INTEGER NOT NULL);
CREATE TABLE epochs(epoch INTEGER PRIMARY KEY, first_sequence INTEGER NOT NULL);
CREATE TABLE quarantine(
  source TEXT NOT NULL, key TEXT NOT NULL, why TEXT NOT NULL, time INTEGER NOT NULL,
  record BLOB);
)sql";

// An older daemon leaves the table alone.
constexpr const char* kVersion2 = R"sql(
CREATE TABLE objects(
  kind TEXT NOT NULL, key TEXT NOT NULL, record BLOB NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY(kind, key));
)sql";

constexpr std::array<Migration, 2> kMigrations = {{
    {.version = 1, .oldest_reader = 1, .sql = kVersion1},
    {.version = 2, .oldest_reader = 1, .sql = kVersion2},
}};

Result<std::int64_t> one_integer(Database& database, const char* sql) {
  TRY_ASSIGN(Query query, database.query(sql));
  TRY_ASSIGN(const bool found, query.next());
  return found ? query.integer(0) : 0;
}

Error foreign() {
  return Error(Code::kFailedPrecondition, "the database was not made by skerryd")
      .with_reason("STATE_FOREIGN");
}

// Only what is ours, or empty, is touched.
Result<> check_owner(Database& database) {
  TRY_ASSIGN(const std::int64_t application, one_integer(database, "PRAGMA application_id"));
  if (application == kApplicationId) return {};
  TRY_ASSIGN(const std::int64_t tables,
             one_integer(database, "SELECT count(*) FROM sqlite_schema"));
  if (application != 0 || tables != 0) return foreign();
  return {};
}

Result<> check_newer(Database& database, std::int64_t version, std::int64_t ours) {
  TRY_ASSIGN(
      const std::int64_t oldest_reader,
      one_integer(database, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'oldest_reader'"));
  // 0 is a database that does not say.
  if (oldest_reader != 0 && oldest_reader <= ours) return {};
  return Error(Code::kFailedPrecondition,
               fmt::format("the database has version {}, which needs a skerryd that knows version "
                           "{}; this one knows {}",
                           version,
                           oldest_reader != 0 ? oldest_reader : version,
                           ours))
      .with_reason("STATE_TOO_NEW");
}

Result<> apply(Database& database, const Migration& migration) {
  const std::string sql = fmt::format(
      "BEGIN IMMEDIATE;{}"
      "INSERT OR REPLACE INTO meta VALUES('oldest_reader', '{}');"
      "PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT",
      migration.sql,
      migration.oldest_reader,
      kApplicationId,
      migration.version);
  Result<> applied = database.script(sql.c_str());
  if (applied) return {};
  if (database.in_transaction()) {
    // The first error is the one to report.
    if (!database.script("ROLLBACK")) return std::move(applied).error();
  }
  return std::move(applied).error().wrap(fmt::format("migrate to version {}", migration.version));
}

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

Result<> migrate(Database& database, std::span<const Migration> known) {
  TRY(check_owner(database));
  TRY_ASSIGN(const std::int64_t version, one_integer(database, "PRAGMA user_version"));
  if (version > known.back().version) return check_newer(database, version, known.back().version);
  for (const Migration& migration : known) {
    if (migration.version > version) TRY(apply(database, migration));
  }
  return {};
}

}  // namespace skerry::store
