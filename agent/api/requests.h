// What requests about containers and about pods have in common.
#pragma once

#include <chrono>
#include <string>

#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/time_util.h>

#include "agent/containers/manager.h"
#include "agent/containers/spec.h"
#include "base/result.h"

namespace skerry::agent {

inline Error bad_request(const std::string& message) {
  return Error(Code::kInvalidArgument, message).with_reason("FIELD_INVALID");
}

inline Result<std::chrono::milliseconds> check_grace(const google::protobuf::Duration& grace) {
  constexpr std::int64_t kMaxSeconds = std::int64_t{24} * 3600;
  if (grace.seconds() < 0 || grace.nanos() < 0 || grace.seconds() > kMaxSeconds) {
    return bad_request("grace: is not between 0 and 24 hours");
  }
  return std::chrono::milliseconds(google::protobuf::util::TimeUtil::DurationToMilliseconds(grace));
}

/// Of UpdateContainerRequest or UpdatePodRequest. What a path of the mask names is replaced, and
/// cleared where the request holds nothing there. Errors: INVALID_ARGUMENT, reasons FIELD_INVALID,
/// FIELD_UNKNOWN.
template <class Request>
Result<UpdateRequest> to_update(const Request& request) {
  using google::protobuf::util::FieldMaskUtil;
  UpdateRequest update;
  if (request.has_expected_revision()) update.expected_revision = request.expected_revision();
  if (request.update_mask().paths().empty()) return bad_request("update_mask: is empty");
  TRY(refuse_unknown_fields(request.resources(), "resources"));
  google::protobuf::FieldMask resources;
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "labels") {
      update.labels.emplace(request.labels().begin(), request.labels().end());
      continue;
    }
    const bool known = path == "resources" || path.starts_with("resources.");
    if (!known || !FieldMaskUtil::IsValidPath<Request>(path)) {
      return bad_request("update_mask: \"" + path + "\" cannot be changed");
    }
    resources.add_paths(path);
  }
  if (resources.paths_size() == 0) return update;
  update.resources = [resources, wanted = request](skerry::v1::Resources& current) -> Result<> {
    Request target;
    *target.mutable_resources() = current;
    FieldMaskUtil::MergeOptions options;
    options.set_replace_message_fields(true);
    options.set_replace_repeated_fields(true);
    for (const std::string& path : resources.paths()) {
      google::protobuf::FieldMask one;
      one.add_paths(path);
      FieldMaskUtil::MergeMessageTo(wanted, one, options, &target);
    }
    current = target.resources();
    return {};
  };
  return update;
}

}  // namespace skerry::agent
