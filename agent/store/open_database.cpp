#include "agent/store/open_database.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "agent/store/schema.h"

namespace skerry::store {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kOwnerOnly = 0600;

fs::path marker(const fs::path& root) { return root / "state.db.damaged"; }

Result<UniqueFd> open_owned(const fs::path& file, int flags) {
  UniqueFd fd(::open(file.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly));
  if (!fd) return Error::from_errno(errno, fmt::format("open \"{}\"", file.string()));
  return fd;
}

Result<> rename_if_there(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  const int error = errno;
  if (error == ENOENT) return {};
  return Error::from_errno(error, fmt::format("rename \"{}\"", from.string()));
}

Result<> sync_directory(const fs::path& directory) {
  TRY_ASSIGN(const UniqueFd fd, open_owned(directory, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) {
    return Error::from_errno(errno, fmt::format("fsync \"{}\"", directory.string()));
  }
  return {};
}

// SQLite makes its files with the mode of the database's; and it takes an empty file for a new one.
Result<bool> make_if_absent(const fs::path& file) {
  if (open_owned(file, O_RDWR | O_CREAT | O_EXCL)) return true;
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0) {
    return Error::from_errno(errno, fmt::format("stat \"{}\"", file.string()));
  }
  if (!S_ISREG(status.st_mode)) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("\"{}\" is not a regular file", file.string()))
        .with_reason("STATE_FOREIGN");
  }
  return status.st_size == 0;
}

Result<> quick_check(Database& database) {
  TRY_ASSIGN(Query query, database.query("PRAGMA quick_check(1)"));
  TRY_ASSIGN(const bool found, query.next());
  const std::string verdict = found ? query.bytes(0) : "no answer";
  if (verdict == "ok") return {};
  return Error(Code::kDataLoss, fmt::format("quick_check: {}", verdict)).with_reason(kDamaged);
}

Result<std::unique_ptr<Database>> open_whole(const fs::path& file) {
  TRY_ASSIGN(std::unique_ptr<Database> database, Database::open(file));
  // The hook of the store replaces automatic checkpoints; until it is there, there are none.
  TRY(
      database->script("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
                       "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216; "
                       "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON"));
  TRY(quick_check(*database));
  TRY(migrate(*database, migrations()));
  return database;
}

Result<fs::path> move_aside(const fs::path& root, const Clock& clock) {
  const fs::path file = database_file(root);
  const auto now = std::chrono::floor<std::chrono::seconds>(clock.wall());
  const std::string base = fmt::format(
      "{}.corrupt-{:%Y%m%dT%H%M%SZ}", file.string(), fmt::gmtime(now.time_since_epoch().count()));
  fs::path aside = base;
  for (int i = 1; ::access(aside.c_str(), F_OK) == 0; ++i) aside = fmt::format("{}-{}", base, i);
  // The database first: a WAL without one is deleted by SQLite, a database without its WAL may look
  // whole. The index next to it (-shm) is only ever rebuilt.
  TRY(rename_if_there(file, aside));
  TRY(rename_if_there(file.string() + "-wal", aside.string() + "-wal"));
  ::unlink((file.string() + "-shm").c_str());
  TRY(sync_directory(root));
  ::unlink(marker(root).c_str());
  return aside;
}

}  // namespace

fs::path database_file(const fs::path& root) { return root / "state.db"; }

Result<UniqueFd> lock_root(const fs::path& root) {
  const fs::path file = root / "state.lock";
  TRY_ASSIGN(UniqueFd lock, open_owned(file, O_RDWR | O_CREAT));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  const int error = errno;
  if (error != EWOULDBLOCK) {
    return Error::from_errno(error, fmt::format("lock \"{}\"", file.string()));
  }
  return Error(Code::kFailedPrecondition,
               fmt::format("\"{}\" is in use by another skerryd", root.string()))
      .with_reason("STATE_IN_USE");
}

Result<OpenedDatabase> open_database(const fs::path& root,
                                     runtime::Trace& trace,
                                     const Clock& clock) {
  OpenedDatabase opened;
  const fs::path file = database_file(root);
  if (::access(marker(root).c_str(), F_OK) == 0) {
    TRY_ASSIGN(opened.moved_aside, move_aside(root, clock));
    trace.warning("the state was found damaged by the last daemon, and moved aside",
                  {{"to", opened.moved_aside->string()}});
  }
  TRY_ASSIGN(opened.fresh, make_if_absent(file));
  Result<std::unique_ptr<Database>> database = open_whole(file);
  if (!database && database.error().reason() == kDamaged) {
    TRY_ASSIGN(opened.moved_aside, move_aside(root, clock));
    trace.error("the state is damaged, and was moved aside",
                database.error(),
                {{"to", opened.moved_aside->string()}});
    database = Error(Code::kDataLoss, "closed");  // its descriptors go before the new one's come
    TRY_ASSIGN(opened.fresh, make_if_absent(file));
    database = open_whole(file);
  }
  if (!database) return std::move(database).error().wrap(fmt::format("\"{}\"", file.string()));
  opened.database = std::move(*database);
  TRY(sync_directory(root));
  return opened;
}

void mark_damaged(const fs::path& root) {
  // A disk that takes no new file either leaves it to quick_check.
  const Result<UniqueFd> made = open_owned(marker(root), O_WRONLY | O_CREAT);
  if (made) ::fsync(made->get());
}

}  // namespace skerry::store
