// What every pod is now, for readers on any thread: as containers/snapshot.h, for fewer objects.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/events/event_log.h"
#include "agent/runtime/mutex.h"
#include "base/ids.h"
#include "skerry/v1/pod.pb.h"

namespace skerry::agent {

/// One pod, as the API shows it with its spec, but without its containers: they are in the
/// containers' snapshot.
struct PodView {
  std::uint64_t ordinal = 0;  ///< order of acceptance
  skerry::v1::Pod pod;
  bool has_init = false;
};
using PodViewPtr = std::shared_ptr<const PodView>;

/// In the order of acceptance.
using PodViews = std::vector<PodViewPtr>;

/// A value: cheap to copy, and what it shows never changes.
struct PodSnapshot {
  /// The event stream up to here is in the snapshot.
  events::Cursor cursor;
  std::shared_ptr<const PodViews> views = std::make_shared<const PodViews>();
  const PodViews& all() const { return *views; }
};

class PodBoard final {
 public:
  /// Thread: any.
  PodSnapshot current() const;
  /// Notes a change for the next publish(); null removes. Thread: reactor.
  void change(const Uid& uid, PodViewPtr view);
  /// Publishes what was noted, and the cursor. Thread: reactor.
  void publish(const events::Cursor& cursor);

 private:
  std::vector<std::pair<std::string, PodViewPtr>> changes_;
  mutable runtime::Mutex mutex_;
  PodSnapshot current_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
