// How a transaction runs a statement; for the two files of the store that have statements to run.
#pragma once

#include "agent/store/database.h"
#include "agent/store/store.h"
#include "agent/store/transaction.h"
#include "base/check.h"

namespace skerry::store {

template <class... Args>
void Transaction::write(const char* sql, const Args&... args) {
  CHECK(store_ != nullptr);
  if (failed_.has_value()) return;
  Result<> done = store_->database_->run(sql, args...);
  if (!done) failed_ = std::move(done).error();
}

}  // namespace skerry::store
