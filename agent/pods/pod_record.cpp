#include "agent/pods/pod_record.h"

#include "base/ids.h"

namespace skerry::agent {
namespace {

Error damaged(const char* why) { return Error(Code::kDataLoss, why).with_reason("RECORD_DAMAGED"); }

}  // namespace

store::ObjectRow to_row(const PodRecord& record) {
  return {.kind = std::string(kPodKind),
          .key = record.pod().uid(),
          .record = record.SerializeAsString()};
}

store::ObjectRow to_row(const PodTombstone& tombstone) {
  return {.kind = std::string(kPodTombstoneKind),
          .key = tombstone_key(tombstone.tenant(), tombstone.id()),
          .record = tombstone.SerializeAsString()};
}

std::string tombstone_key(std::string_view tenant, std::string_view id) {
  return std::string(tenant) + "/" + std::string(id);
}

Result<PodRecord> decode_pod_record(std::string_view bytes) {
  PodRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return damaged("the record does not decode");
  }
  const skerry::v1::Pod& pod = record.pod();
  const bool known_state =
      pod.state() >= skerry::v1::POD_STATE_ACCEPTED && pod.state() <= skerry::v1::POD_STATE_STOPPED;
  if (!known_state || !Uid::parse(pod.uid()) || !check_id("id", pod.id()) ||
      !check_id("tenant", pod.tenant())) {
    return damaged("the record contradicts itself");
  }
  return record;
}

Result<PodTombstone> decode_pod_tombstone(std::string_view bytes) {
  PodTombstone tombstone;
  if (!tombstone.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !Uid::parse(tombstone.uid())) {
    return damaged("the record does not decode");
  }
  return tombstone;
}

// The API's numbers of states are those of PodState: both begin with accepted = 1.
PodState state_of(const PodRecord& record) { return static_cast<PodState>(record.pod().state()); }

Error recorded_error(const PodRecord& record) {
  const skerry::v1::ErrorDetail& detail = record.pod().error();
  Error error(record.error_code() == 0 ? Code::kUnknown : static_cast<Code>(record.error_code()),
              record.pod().message());
  error = std::move(error)
              .with_reason(detail.reason())
              .with_step(detail.step())
              .with_object(detail.object());
  if (detail.retryable()) error = std::move(error).as_retryable();
  return error;
}

}  // namespace skerry::agent
