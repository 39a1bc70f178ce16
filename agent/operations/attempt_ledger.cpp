#include "agent/operations/attempt_ledger.h"

namespace skerry::operations {

AttemptLedger::Turn AttemptLedger::enter(const Uid& uid) {
  {
    const runtime::MutexLock lock(mutex_);
    while (busy_.contains(uid)) left_.wait(mutex_);
    busy_.insert(uid);
  }
  return Turn(*this, uid);
}

void AttemptLedger::leave(const Uid& uid) {
  {
    const runtime::MutexLock lock(mutex_);
    busy_.erase(uid);
  }
  left_.notify_all();
}

void AttemptLedger::begin(const Uid& uid, const std::string& attempt) {
  const runtime::MutexLock lock(mutex_);
  holders_[uid] = attempt;
}

bool AttemptLedger::is_superseded(const Uid& uid, const std::string& attempt) const {
  const runtime::MutexLock lock(mutex_);
  const auto holder = holders_.find(uid);
  return holder != holders_.end() && holder->second != attempt;
}

bool AttemptLedger::is_held(const Uid& uid) const {
  const runtime::MutexLock lock(mutex_);
  return holders_.contains(uid);
}

void AttemptLedger::end(const Uid& uid) {
  const runtime::MutexLock lock(mutex_);
  holders_.erase(uid);
}

}  // namespace skerry::operations
