// A pod's record as bytes and back.
#pragma once

#include <string_view>

#include "agent/pods/pod_record.pb.h"
#include "agent/pods/state.h"
#include "agent/store/rows.h"
#include "base/result.h"

namespace skerry::agent {

using PodRecord = record::PodRecord;
using PodTombstone = record::PodTombstone;

/// Kinds of object in state.db.
constexpr std::string_view kPodKind = "pod";
constexpr std::string_view kPodTombstoneKind = "removed pod";

store::ObjectRow to_row(const PodRecord& record);
store::ObjectRow to_row(const PodTombstone& tombstone);
/// Unique: neither tenants nor ids have a slash.
std::string tombstone_key(std::string_view tenant, std::string_view id);

/// Errors: DATA_LOSS, reason RECORD_DAMAGED, when it does not decode or contradicts itself.
Result<PodRecord> decode_pod_record(std::string_view bytes);
Result<PodTombstone> decode_pod_tombstone(std::string_view bytes);

PodState state_of(const PodRecord& record);

/// What the failed Create answered, from what was recorded of it.
Error recorded_error(const PodRecord& record);

}  // namespace skerry::agent
