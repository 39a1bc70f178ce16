// The shape of state.db through the versions.
//
// Versions grow by expand and contract: a new one only adds tables and columns (with defaults), so
// that the daemon before it still runs on the database; what it no longer needs goes one version
// later. `user_version` is the version of the shape; meta "oldest_reader" is the oldest version of
// the code that may run on it. Statements name their columns, so that additions do not disturb.
#pragma once

#include <cstdint>
#include <span>

#include "agent/store/database.h"
#include "base/result.h"

namespace skerry::store {

struct Migration {
  std::int64_t version;        ///< of the shape it makes
  std::int64_t oldest_reader;  ///< code older than this cannot use that shape
  const char* sql;
};

/// All there are, oldest first.
std::span<const Migration> migrations();

/// Brings the database to the newest version `known`, one transaction a step; a newer one that
/// this code may use is left as it is.
/// Errors: FAILED_PRECONDITION, reason STATE_TOO_NEW or STATE_FOREIGN; as Database.
Result<> migrate(Database& database, std::span<const Migration> known);

}  // namespace skerry::store
