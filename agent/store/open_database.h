// From a file of unknown health to a database that can be used.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "agent/runtime/trace.h"
#include "agent/store/database.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::store {

struct OpenedDatabase {
  std::unique_ptr<Database> database;
  bool fresh = false;
  std::optional<std::filesystem::path> moved_aside;
};

/// The database's file below a root directory.
std::filesystem::path database_file(const std::filesystem::path& root);

/// The lock that makes a root directory one daemon's own, held while the descriptor is open.
/// Errors: FAILED_PRECONDITION, reason STATE_IN_USE; as open(2).
Result<UniqueFd> lock_root(const std::filesystem::path& root);

/// Opens, checks and migrates the database, or makes one. One that is damaged, or was found to be
/// by the last daemon, is moved to state.db.corrupt-TIME, with a line of trace.
/// Errors: as Store::open(). Blocks: disk. The root is locked.
Result<OpenedDatabase> open_database(const std::filesystem::path& root,
                                     runtime::Trace& trace,
                                     const Clock& clock);

/// Leaves word for the next open_database() that the database is damaged, although it may look
/// whole by then.
void mark_damaged(const std::filesystem::path& root);

}  // namespace skerry::store
