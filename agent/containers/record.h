// A container's record as bytes and back, and the small conversions its fields need.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/containers/record.pb.h"
#include "agent/containers/state.h"
#include "agent/store/rows.h"
#include "base/clock.h"
#include "base/result.h"

namespace skerry::agent {

using Record = skerry::agent::record::ContainerRecord;

/// The same spec always gives the same bytes, whatever order its maps arrived in.
std::string deterministic_bytes(const google::protobuf::Message& message);

store::ContainerRow to_row(const Record& record);
/// Errors: DATA_LOSS, reason RECORD_DAMAGED, when it does not decode or contradicts itself.
Result<Record> decode_record(std::string_view bytes);

State state_of(const Record& record);
void set_state(Record& record, State state);

google::protobuf::Timestamp to_timestamp(WallTime time);
WallTime from_timestamp(const google::protobuf::Timestamp& time);

/// The API's account of an error, and the error again from what was recorded of it.
skerry::v1::ErrorDetail to_detail(const Error& error);
Error recorded_error(const Record& record);

/// A command for people: joined by spaces, cut at 256 bytes and not inside a character.
std::string join_command(const std::vector<std::string>& arguments);

}  // namespace skerry::agent
