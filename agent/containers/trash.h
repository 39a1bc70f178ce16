// What removed containers leave on disk, deleted behind everybody's back: a removal moves its
// directory to ROOT/trash, which is one rename, and nobody waits for the thousand unlinks after it.
#pragma once

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "agent/operations/failpoint.h"
#include "agent/runtime/mutex.h"
#include "base/result.h"

namespace skerry::agent {

/// One thread of low priority. What it has not deleted when the daemon ends is found in the
/// directory by the next one. Thread: any.
class Trash final {
 public:
  struct Parts {
    /// ROOT/trash, borrowed for life.
    int directory = -1;
    /// The place "remove.trash".
    const operations::FailpointRegistry& failpoints;
    /// Something could not be deleted; it is the callee's to try again. Thread: ours.
    std::function<void(const std::string& name, const Error& error)> on_failure;
  };
  explicit Trash(Parts parts);
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;
  /// Ends after the tree it is at. Blocks: kernel.
  ~Trash();

  /// Deletes the entry of that name, in its turn. Blocks: never.
  void collect(std::string name);
  /// What waits, or is being deleted.
  std::set<std::string> pending() const;

 private:
  void work();
  Result<> remove(const std::string& name) const;

  const Parts parts_;
  mutable runtime::Mutex mutex_;
  runtime::Condition wake_;
  std::deque<std::string> waiting_ GUARDED_BY(mutex_);  ///< the first is being deleted
  bool ended_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace skerry::agent
