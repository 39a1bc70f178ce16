// One SQLite connection, with its statements prepared once and errors as values.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace skerry::store {

inline constexpr std::string_view kDamaged = "STATE_DAMAGED";
inline constexpr std::string_view kDiskFull = "STATE_DISK_FULL";

class Database;

/// An argument that is stored as a blob, where a string is stored as text.
struct Blob {
  std::string_view bytes;
};

/// A running statement. Its row's columns are read by number, from 0. Reset by destruction.
class Query final {
 public:
  Query(Query&& other) noexcept
      : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}
  Query& operator=(Query&&) = delete;
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  /// To the next row; false after the last one. Errors: see Database.
  Result<bool> next();
  std::int64_t integer(int column) const;
  /// Text or blob, whatever is in the column.
  std::string bytes(int column) const;

 private:
  friend class Database;
  Query(Database& database, sqlite3_stmt* statement)
      : database_(&database), statement_(statement) {}
  Database* database_;
  sqlite3_stmt* statement_;
};

/// Errors of all calls: DATA_LOSS, reason STATE_DAMAGED, for a damaged file; RESOURCE_EXHAUSTED,
/// reason STATE_DISK_FULL, retryable, when it cannot grow; UNAVAILABLE, retryable, when another
/// connection is in the way; else by the errno value, or INTERNAL.
/// Thread: any, one at a time.
class Database final {
 public:
  /// Opens; the file exists (an empty one is a new database).
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// Runs statements without parameters and without results of interest.
  Result<> script(const char* sql);
  /// Starts a statement. `sql` is a literal: prepared at its first use and kept by its address.
  /// Arguments are integers (of 64 bits), strings (stored as text) or Blobs.
  template <class... Args>
  Result<Query> query(const char* sql, const Args&... args);
  /// Runs a statement to its end.
  template <class... Args>
  Result<> run(const char* sql, const Args&... args);

  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  /// Calls `hook` with the length of the WAL in pages after every commit of this connection; no
  /// checkpoint happens by itself from then on.
  void on_wal(std::function<void(int pages)> hook);
  struct Checkpoint {
    int log_pages = 0;
    int done_pages = 0;
  };
  /// Copies what it can from the WAL into the file without waiting for readers and writers.
  Result<Checkpoint> checkpoint_passive();
  /// Leaves the WAL in place when this connection is the last one to close.
  void no_checkpoint_on_close();

 private:
  friend class Query;
  struct Closer {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}
  Result<sqlite3_stmt*> prepared(const char* sql);
  void bind(sqlite3_stmt* statement, int index, std::int64_t value);
  void bind(sqlite3_stmt* statement, int index, std::string_view value);
  void bind(sqlite3_stmt* statement, int index, Blob value);
  Error error(std::string_view what) const;

  std::unique_ptr<sqlite3, Closer> handle_;
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Finalizer>> statements_;
  std::function<void(int)> wal_hook_;
};

template <class... Args>
Result<Query> Database::query(const char* sql, const Args&... args) {
  TRY_ASSIGN(sqlite3_stmt * statement, prepared(sql));
  int index = 0;  // NOLINT(misc-const-correctness): not when there are arguments
  (bind(statement, ++index, args), ...);
  return Query(*this, statement);
}

template <class... Args>
Result<> Database::run(const char* sql, const Args&... args) {
  TRY_ASSIGN(Query query, this->query(sql, args...));
  TRY_ASSIGN(bool more, query.next());
  while (more) {
    TRY_ASSIGN(more, query.next());
  }
  return {};
}

}  // namespace skerry::store
