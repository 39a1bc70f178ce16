// What every container is now, for readers on any thread: immutable, shared, and cheap to renew.
// The reactor publishes a new one at the end of a turn in which something changed; a change copies
// one bucket and the list of buckets, however many containers there are.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "agent/events/event_log.h"
#include "agent/runtime/mutex.h"
#include "base/ids.h"
#include "skerry/v1/container.pb.h"

namespace skerry::agent {

/// One container, as the API shows it in view FULL.
struct ContainerView {
  std::uint64_t ordinal = 0;  ///< order of acceptance
  skerry::v1::Container container;
};
using ViewPtr = std::shared_ptr<const ContainerView>;

class Snapshot final {
 public:
  /// The event stream up to here is in the snapshot.
  events::Cursor cursor;

  std::size_t size() const;
  /// All containers in the order of their acceptance.
  std::vector<ViewPtr> all() const;
  /// Null when there is none. Linear in a 256th of the containers.
  ViewPtr find(const std::string& uid) const;

 private:
  friend class SnapshotBoard;
  using Bucket = std::vector<ViewPtr>;
  std::array<std::shared_ptr<const Bucket>, 256> buckets_;
};

/// Where the current snapshot hangs. Written by the reactor, read by anyone.
class SnapshotBoard final {
 public:
  SnapshotBoard();
  std::shared_ptr<const Snapshot> current() const;

  /// Notes a change for the next publish(); null removes. Thread: reactor.
  void change(const Uid& uid, ViewPtr view);
  /// Publishes what was noted, if anything. Thread: reactor.
  void publish(const events::Cursor& cursor);

 private:
  std::vector<std::pair<std::string, ViewPtr>> changes_;
  mutable runtime::Mutex mutex_;
  std::shared_ptr<const Snapshot> current_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
