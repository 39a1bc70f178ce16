// Which events a watcher wants: pure.
#pragma once

#include <optional>

#include "agent/store/rows.h"
#include "base/clock.h"
#include "base/result.h"
#include "skerry/v1/event_service.pb.h"

namespace skerry::agent {

/// Thread: any, one at a time.
class EventFilter final {
 public:
  /// Errors: INVALID_ARGUMENT, reason FIELD_INVALID: a container without a key, an unknown type, a
  /// label without a key, a time out of range.
  static Result<EventFilter> make(const skerry::v1::WatchEventsRequest& request);

  /// The event as the API shows it; nothing when it is not wanted. Errors: DATA_LOSS when the
  /// record does not decode.
  Result<std::optional<skerry::v1::Event>> take(const store::EventRow& row);

 private:
  explicit EventFilter(skerry::v1::EventFilter wanted) : wanted_(std::move(wanted)) {}
  bool matches(const skerry::v1::Event& event) const;

  skerry::v1::EventFilter wanted_;
  /// Until the first event of then or later: the clock may have been set back after it.
  std::optional<WallTime> since_;
};

}  // namespace skerry::agent
