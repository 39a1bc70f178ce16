// SQLite over a disk that fails: a VFS around the default one, whose n-th write, sync, truncation,
// opening or deletion of a file is refused.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace skerry::tests {

enum class DiskCall : std::uint8_t { kWrite, kSync, kTruncate, kOpen, kDelete };

/// The default VFS of the process while it lives; one at a time. Calls are counted over all
/// connections and threads.
class SqliteFaults final {
 public:
  SqliteFaults();
  SqliteFaults(const SqliteFaults&) = delete;
  SqliteFaults& operator=(const SqliteFaults&) = delete;
  ~SqliteFaults();

  enum class Span : std::uint8_t { kOnce, kFromThenOn };
  /// The `number`-th `call` from now on, from 1, fails with `status`; nothing else does.
  void fail(DiskCall call, int number, int status, Span span);
  void heal();
  /// How many calls have failed since the last fail().
  int hits() const { return hits_; }

 private:
  struct File;
  struct Methods;
  /// What the call is to answer now: SQLITE_OK lets it through.
  int verdict(DiskCall call);

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::string name_ = "faults";
  std::atomic<DiskCall> call_ = DiskCall::kWrite;
  std::atomic<int> left_ = 0;  // until the failing one; 0: none fails
  std::atomic<int> status_ = SQLITE_OK;
  std::atomic<Span> span_ = Span::kOnce;
  std::atomic<int> hits_ = 0;
};

}  // namespace skerry::tests
