#include "agent/store/database.h"

#include <cerrno>

#include <fmt/format.h>

namespace skerry::store {
namespace {

// Only a checkpoint that closes the last connection ever makes another one wait.
constexpr int kBusyMilliseconds = 2000;

Code code_of(int primary) {
  switch (primary) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kDataLoss;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return Code::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::kUnavailable;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Code::kPermissionDenied;
    default:
      return Code::kInternal;
  }
}

Error make_error(sqlite3* handle, int status, std::string_view what) {
  const int primary = status & 0xFF;
  const std::string text = fmt::format("{}: {}", what, sqlite3_errmsg(handle));
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
    return Error(Code::kDataLoss, text).with_reason(kDamaged);
  }
  const int sys_errno = sqlite3_system_errno(handle);
  const bool from_kernel = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  if (primary == SQLITE_FULL || (from_kernel && (sys_errno == ENOSPC || sys_errno == EDQUOT))) {
    return Error::from_errno(ENOSPC, what).with_reason(kDiskFull);
  }
  if (from_kernel && sys_errno != 0) {
    return Error::from_errno(sys_errno, fmt::format("{} ({})", what, sqlite3_errmsg(handle)));
  }
  Error error(code_of(primary), text);
  if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) return std::move(error).as_retryable();
  return error;
}

int call_wal_hook(void* hook, sqlite3* /*handle*/, const char* /*name*/, int pages) {
  (*static_cast<std::function<void(int)>*>(hook))(pages);
  return SQLITE_OK;
}

}  // namespace

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Result<bool> Query::next() {
  switch (sqlite3_step(statement_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return database_->error(sqlite3_sql(statement_));
  }
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Query::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return size == 0 ? std::string() : std::string(static_cast<const char*>(data), size);
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file) {
  sqlite3* handle = nullptr;
  // One thread at a time is our own rule, so SQLite need not lock for it.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int status = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  if (status != SQLITE_OK) {
    return make_error(handle, status, fmt::format("open \"{}\"", file.string()));
  }
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  return database;
}

Database::~Database() = default;

Result<> Database::script(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error(sql);
  return {};
}

Result<sqlite3_stmt*> Database::prepared(const char* sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  sqlite3_stmt* statement = nullptr;
  const int status =
      sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (status != SQLITE_OK) return error(sql);
  statements_.emplace(sql, statement);
  return statement;
}

// Binding fails only for a wrong index or a lack of memory; a step reports both. Empty is not NULL.
void Database::bind(sqlite3_stmt* statement, int index, std::int64_t value) {
  sqlite3_bind_int64(statement, index, value);
}

void Database::bind(sqlite3_stmt* statement, int index, std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  sqlite3_bind_text64(
      statement, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);  // NOLINT
}

void Database::bind(sqlite3_stmt* statement, int index, Blob value) {
  const char* data = value.bytes.data() == nullptr ? "" : value.bytes.data();
  sqlite3_bind_blob64(statement, index, data, value.bytes.size(), SQLITE_TRANSIENT);  // NOLINT
}

void Database::on_wal(std::function<void(int pages)> hook) {
  wal_hook_ = std::move(hook);
  sqlite3_wal_hook(handle_.get(), call_wal_hook, &wal_hook_);
}

Result<Database::Checkpoint> Database::checkpoint_passive() {
  Checkpoint result;
  const int status = sqlite3_wal_checkpoint_v2(
      handle_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &result.log_pages, &result.done_pages);
  if ((status & 0xFF) == SQLITE_BUSY) return result;  // another one is at it
  if (status != SQLITE_OK) return error("checkpoint");
  return result;
}

void Database::no_checkpoint_on_close() {
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Error Database::error(std::string_view what) const {
  return make_error(handle_.get(), sqlite3_extended_errcode(handle_.get()), what);
}

}  // namespace skerry::store
