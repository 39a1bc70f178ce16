#include "sqlite_faults.h"

#include "base/check.h"

namespace skerry::tests {
namespace {

// sqlite3_io_methods hand on no pointer of ours.
SqliteFaults* g_faults = nullptr;  // NOLINT(*-avoid-non-const-global-variables)

}  // namespace

/// Ours in front, the real one's behind it.
struct SqliteFaults::File {
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  static sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real(); }
};

struct SqliteFaults::Methods {
  static int close(sqlite3_file* file) {
    sqlite3_file* real = File::real(file);
    return real->pMethods == nullptr ? SQLITE_OK : real->pMethods->xClose(real);
  }
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    const int verdict = g_faults->verdict(DiskCall::kWrite);
    if (verdict != SQLITE_OK) return verdict;
    return File::real(file)->pMethods->xWrite(File::real(file), data, size, offset);
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    const int verdict = g_faults->verdict(DiskCall::kTruncate);
    if (verdict != SQLITE_OK) return verdict;
    return File::real(file)->pMethods->xTruncate(File::real(file), size);
  }
  // The power is not cut, so one that succeeds has nothing to wait for.
  static int sync(sqlite3_file* /*file*/, int /*flags*/) {
    return g_faults->verdict(DiskCall::kSync);
  }
  // What is handed on as it is.
  template <auto kMember, class... Args>
  static auto pass(sqlite3_file* file, Args... args) {
    return (File::real(file)->pMethods->*kMember)(File::real(file), args...);
  }

  static int open(
      sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* out_flags);
  static int remove(sqlite3_vfs* /*vfs*/, const char* name, int sync_directory) {
    const int verdict = g_faults->verdict(DiskCall::kDelete);
    if (verdict != SQLITE_OK) return verdict;
    return g_faults->real_->xDelete(g_faults->real_, name, sync_directory);
  }
};

int SqliteFaults::Methods::open(
    sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  using Io = sqlite3_io_methods;
  static const Io kMethods = {
      .iVersion = 2,  // what a WAL needs; no memory maps
      .xClose = close,
      .xRead = pass<&Io::xRead, void*, int, sqlite3_int64>,
      .xWrite = write,
      .xTruncate = truncate,
      .xSync = sync,
      .xFileSize = pass<&Io::xFileSize, sqlite3_int64*>,
      .xLock = pass<&Io::xLock, int>,
      .xUnlock = pass<&Io::xUnlock, int>,
      .xCheckReservedLock = pass<&Io::xCheckReservedLock, int*>,
      .xFileControl = pass<&Io::xFileControl, int, void*>,
      .xSectorSize = pass<&Io::xSectorSize>,
      .xDeviceCharacteristics = pass<&Io::xDeviceCharacteristics>,
      .xShmMap = pass<&Io::xShmMap, int, int, int, void volatile**>,
      .xShmLock = pass<&Io::xShmLock, int, int, int>,
      .xShmBarrier = pass<&Io::xShmBarrier>,
      .xShmUnmap = pass<&Io::xShmUnmap, int>,
      .xFetch = nullptr,
      .xUnfetch = nullptr,
  };
  auto* ours = reinterpret_cast<File*>(file);
  ours->base.pMethods = nullptr;
  ours->real()->pMethods = nullptr;
  const int verdict = g_faults->verdict(DiskCall::kOpen);
  if (verdict != SQLITE_OK) return verdict;
  const int opened = g_faults->real_->xOpen(g_faults->real_, name, ours->real(), flags, out_flags);
  if (opened == SQLITE_OK) ours->base.pMethods = &kMethods;
  return opened;
}

SqliteFaults::SqliteFaults() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
  CHECK(g_faults == nullptr);
  g_faults = this;
  vfs_.zName = name_.c_str();
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
  vfs_.xOpen = Methods::open;
  vfs_.xDelete = Methods::remove;
  sqlite3_vfs_register(&vfs_, 1);
}

SqliteFaults::~SqliteFaults() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_, 1);
  g_faults = nullptr;
}

void SqliteFaults::fail(DiskCall call, int number, int status, Span span) {
  heal();
  call_ = call;
  status_ = status;
  span_ = span;
  hits_ = 0;
  left_ = number;
}

void SqliteFaults::heal() { left_ = 0; }

int SqliteFaults::verdict(DiskCall call) {
  if (call != call_ || left_ == 0) return SQLITE_OK;
  if (left_ > 1) {
    --left_;
    return SQLITE_OK;
  }
  if (span_ == Span::kOnce) left_ = 0;
  ++hits_;
  return status_;
}

}  // namespace skerry::tests
