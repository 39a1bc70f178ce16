// Which attempt holds what is kept under a uid (attachments to networks, references to volumes),
// and one operation on it at a time.
//
// Plugins know a pod by its uid alone, and a container that is started again keeps its uid. So what
// is still owed of an earlier attempt must never be taken from a later one: each has a random name,
// and giving back what a later one has taken over is nothing to do.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "agent/runtime/mutex.h"
#include "base/ids.h"

namespace skerry::operations {

/// Thread: any.
class AttemptLedger final {
 public:
  /// The right to work on one uid; given back at its end. Outlived by its ledger.
  class Turn final {
   public:
    Turn(AttemptLedger& ledger, Uid uid) : ledger_(ledger), uid_(std::move(uid)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { ledger_.leave(uid_); }

   private:
    AttemptLedger& ledger_;
    Uid uid_;
  };

  /// Waits until nobody else works on the uid. Blocks: as long as that takes. Thread: worker.
  Turn enter(const Uid& uid);

  /// The attempt holds it from now on.
  void begin(const Uid& uid, const std::string& attempt);
  /// Another attempt than this one holds it. An empty `attempt` is older than any.
  bool is_superseded(const Uid& uid, const std::string& attempt) const;
  /// Some attempt holds it.
  bool is_held(const Uid& uid) const;
  /// Nobody holds it any more.
  void end(const Uid& uid);

 private:
  void leave(const Uid& uid);

  mutable runtime::Mutex mutex_;
  runtime::Condition left_;
  std::set<Uid> busy_ GUARDED_BY(mutex_);
  std::map<Uid, std::string> holders_ GUARDED_BY(mutex_);
};

}  // namespace skerry::operations
