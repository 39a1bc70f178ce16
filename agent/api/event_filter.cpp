#include "agent/api/event_filter.h"

#include <algorithm>

#include "agent/containers/record.h"

namespace skerry::agent {
namespace {

using skerry::v1::ContainerRef;
using skerry::v1::Event;

Error bad_field(const char* message) {
  return Error(Code::kInvalidArgument, message).with_reason("FIELD_INVALID");
}

// By what the event says of its container: that may be gone for days.
bool is_of(const Event& event, const ContainerRef& ref) {
  const bool tenant = ref.tenant().empty() ? ref.has_uid() || event.tenant() == "default"
                                           : ref.tenant() == event.tenant();
  if (!tenant || event.uid().empty()) return false;
  if (ref.has_uid()) return event.uid() == ref.uid();
  return ref.has_id() ? event.id() == ref.id() : event.name() == ref.name();
}

bool has_label(const Event& event, const skerry::v1::LabelSelector& selector) {
  const auto found = event.labels().find(selector.key());
  if (found == event.labels().end()) return false;
  return !selector.has_value() || found->second == selector.value();
}

// What nanoseconds since 1970 can say.
bool is_sane(const google::protobuf::Timestamp& time) {
  constexpr std::int64_t kMostSeconds = 9'000'000'000;
  return time.seconds() >= 0 && time.seconds() <= kMostSeconds && time.nanos() >= 0 &&
         time.nanos() < 1'000'000'000;
}

}  // namespace

Result<EventFilter> EventFilter::make(const skerry::v1::WatchEventsRequest& request) {
  EventFilter filter(request.filter());
  for (const ContainerRef& ref : filter.wanted_.containers()) {
    if (ref.key_case() == ContainerRef::KEY_NOT_SET) {
      return bad_field("filter.containers: none of id, name and uid is set");
    }
  }
  for (const auto& selector : filter.wanted_.labels()) {
    if (selector.key().empty()) return bad_field("filter.labels: key is empty");
  }
  for (const int type : filter.wanted_.types()) {
    if (type == skerry::v1::EVENT_TYPE_UNSPECIFIED || !skerry::v1::EventType_IsValid(type)) {
      return bad_field("filter.types: no such type");
    }
  }
  if (request.has_since()) {
    if (!is_sane(request.since())) return bad_field("since: is out of range");
    filter.since_ = from_timestamp(request.since());
  }
  return filter;
}

bool EventFilter::matches(const Event& event) const {
  if (wanted_.has_tenant() && wanted_.tenant() != event.tenant()) return false;
  const auto& types = wanted_.types();
  if (!types.empty() && std::ranges::find(types, event.type()) == types.end()) return false;
  const auto& refs = wanted_.containers();
  const bool of_them = refs.empty() || std::ranges::any_of(refs, [&](const ContainerRef& ref) {
                         return is_of(event, ref);
                       });
  return of_them && std::ranges::all_of(wanted_.labels(), [&](const auto& selector) {
           return has_label(event, selector);
         });
}

Result<std::optional<Event>> EventFilter::take(const store::EventRow& row) {
  if (since_) {
    if (row.time < *since_) return std::optional<Event>();
    since_.reset();
  }
  Event event;
  if (!event.ParseFromString(row.blob)) {
    return Error(Code::kDataLoss, "event " + std::to_string(row.sequence) + " does not decode")
        .with_reason("EVENT_DAMAGED");
  }
  if (!matches(event)) return std::optional<Event>();
  event.mutable_cursor()->set_epoch(row.epoch);
  event.mutable_cursor()->set_sequence(row.sequence);
  *event.mutable_time() = to_timestamp(row.time);
  return std::optional<Event>(std::move(event));
}

}  // namespace skerry::agent
