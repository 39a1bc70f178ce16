#include "agent/containers/record.h"

#include <fmt/ranges.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/ids.h"

namespace skerry::agent {

std::string deterministic_bytes(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

store::ContainerRow to_row(const Record& record) {
  const skerry::v1::Container& container = record.container();
  store::ContainerRow row;
  // Only records with a good uid are ever made or decoded.
  row.uid = *Uid::parse(container.uid());
  row.tenant = container.tenant();
  row.id = container.id();
  row.name = container.name();
  row.state = state_name(state_of(record));
  row.record = record.SerializeAsString();
  return row;
}

Result<Record> decode_record(std::string_view bytes) {
  Record record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error(Code::kDataLoss, "the record does not decode").with_reason("RECORD_DAMAGED");
  }
  const skerry::v1::Container& container = record.container();
  const bool known_state = container.state() >= skerry::v1::CONTAINER_STATE_ACCEPTED &&
                           container.state() <= skerry::v1::CONTAINER_STATE_EXITED;
  if (!Uid::parse(container.uid()) || !check_id("id", container.id()) ||
      !check_id("tenant", container.tenant()) || !known_state) {
    return Error(Code::kDataLoss, "the record contradicts itself").with_reason("RECORD_DAMAGED");
  }
  return record;
}

// The API's numbers of states are those of State: both begin with accepted = 1.
State state_of(const Record& record) { return static_cast<State>(record.container().state()); }

void set_state(Record& record, State state) {
  record.mutable_container()->set_state(static_cast<skerry::v1::ContainerState>(state));
}

google::protobuf::Timestamp to_timestamp(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  google::protobuf::Timestamp out;
  out.set_seconds(seconds.time_since_epoch().count());
  out.set_nanos(static_cast<std::int32_t>((time - seconds).count()));
  return out;
}

WallTime from_timestamp(const google::protobuf::Timestamp& time) {
  return WallTime(std::chrono::seconds(time.seconds()) + std::chrono::nanoseconds(time.nanos()));
}

skerry::v1::ErrorDetail to_detail(const Error& error) {
  skerry::v1::ErrorDetail detail;
  detail.set_reason(error.reason());
  detail.set_object(error.object());
  detail.set_step(error.step());
  detail.set_errno_value(error.sys_errno());
  detail.set_retryable(error.retryable());
  return detail;
}

Error recorded_error(const Record& record) {
  const skerry::v1::ExitInfo& exit = record.container().exit();
  Error error(record.error_code() == 0 ? Code::kUnknown : static_cast<Code>(record.error_code()),
              exit.message());
  error = std::move(error)
              .with_reason(exit.error().reason())
              .with_step(exit.error().step())
              .with_object(exit.error().object());
  if (exit.error().retryable()) error = std::move(error).as_retryable();
  return error;
}

std::string join_command(const std::vector<std::string>& arguments) {
  constexpr std::size_t kCommandLineBytes = 256;
  std::string line = fmt::format("{}", fmt::join(arguments, " "));
  if (line.size() <= kCommandLineBytes) return line;
  line.resize(kCommandLineBytes);
  // Not in the middle of a UTF-8 character: protobuf strings hold whole ones.
  while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xC0U) == 0x80U)
    line.pop_back();
  if (!line.empty() && (static_cast<unsigned char>(line.back()) & 0x80U) != 0) line.pop_back();
  return line;
}

}  // namespace skerry::agent
