// Ports of the host that lead into pods of this daemon. The kernel forwards them without a socket,
// so that a trial bind does not see them: who has which is known here only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/runtime/mutex.h"
#include "base/ids.h"
#include "base/result.h"
#include "cni/attachment.h"

namespace skerry::agent {

/// Thread: any. Blocks: never.
class PortTable final {
 public:
  /// Whether `uid` could have them: free, or its own. Errors: ALREADY_EXISTS, reason PORT_TAKEN,
  /// naming the owner.
  Result<> check(const Uid& uid, const std::vector<cni::PortMapping>& ports) const;
  /// The same, and takes them all or none, in place of what `uid` had. `owner` is for people.
  Result<> reserve(const Uid& uid,
                   const std::string& owner,
                   const std::vector<cni::PortMapping>& ports);
  /// Takes what is in use already, whoever else has it too: after a restart. Idempotent.
  void restore(const Uid& uid,
               const std::string& owner,
               const std::vector<cni::PortMapping>& ports);
  /// What is free already is fine.
  void release(const Uid& uid);
  bool holds(const Uid& uid) const;

 private:
  struct Holder {
    std::string owner;
    std::vector<cni::PortMapping> ports;
  };
  Result<> check_locked(const Uid& uid, const std::vector<cni::PortMapping>& ports) const
      REQUIRES(mutex_);

  mutable runtime::Mutex mutex_;
  std::map<Uid, Holder> holders_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
