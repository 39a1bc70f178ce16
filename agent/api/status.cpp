#include "agent/api/status.h"

#include <algorithm>

#include "agent/containers/record.h"
#include "skerry/v1/error_detail.pb.h"
#include "skerry/v1/rpc_status.pb.h"

namespace skerry::agent {
namespace {

// gRPC refuses headers that are not text; a container's name or a path may hold anything.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return text;
}

}  // namespace

grpc::Status to_status(const Error& error) {
  const auto code = static_cast<grpc::StatusCode>(error.code());
  const std::string message = printable(error.message());
  skerry::v1::RpcStatus details;
  details.set_code(code);
  details.set_message(message);
  details.add_details()->PackFrom(to_detail(error));
  return {code, message, details.SerializeAsString()};
}

void fill_container(const ContainerView& view,
                    skerry::v1::ContainerView wanted,
                    skerry::v1::ContainerView fallback,
                    skerry::v1::Container& out) {
  if (wanted == skerry::v1::CONTAINER_VIEW_UNSPECIFIED) wanted = fallback;
  const skerry::v1::Container& from = view.container;
  if (wanted == skerry::v1::CONTAINER_VIEW_FULL) {
    out = from;
    return;
  }
  out.set_tenant(from.tenant());
  out.set_id(from.id());
  out.set_name(from.name());
  out.set_uid(from.uid());
  out.set_attempt(from.attempt());
  out.set_generation(from.generation());
  out.set_revision(from.revision());
  out.set_state(from.state());
  out.set_root(from.root());
  out.set_image_content_id(from.image_content_id());
  out.set_command_line(from.command_line());
  *out.mutable_labels() = from.labels();
  *out.mutable_created_at() = from.created_at();
  if (from.has_started_at()) *out.mutable_started_at() = from.started_at();
  if (from.has_exit()) *out.mutable_exit() = from.exit();
  out.set_released(from.released());
  out.set_pid(from.pid());
  out.set_oom_kills(from.oom_kills());
  out.set_log_dropped_bytes(from.log_dropped_bytes());
  out.set_pod_uid(from.pod_uid());
  out.set_pod_name(from.pod_name());
  *out.mutable_networks() = from.networks();
  *out.mutable_ports() = from.ports();
}

}  // namespace skerry::agent
