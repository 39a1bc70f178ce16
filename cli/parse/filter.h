// -f KEY=VALUE of ps and events.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "skerry/v1/container.pb.h"
#include "skerry/v1/container_service.pb.h"
#include "skerry/v1/event_service.pb.h"

namespace skerry::cli {

/// "running", "exited" … Errors: INVALID_ARGUMENT, listing them.
Result<v1::ContainerState> parse_state(std::string_view word);

/// "KEY" or "KEY=VALUE".
v1::LabelSelector parse_label_selector(std::string_view text);

/// What ps shows. Values of one key are alternatives (labels: all of them), different keys have all
/// to hold.
struct ListFilter {
  /// What the daemon filters by.
  v1::ListContainersRequest request;
  /// What is left to us: parts of names, images, beginnings of ids and uids.
  std::vector<std::string> names;
  std::vector<std::string> roots;
  std::vector<std::string> ids;
};

/// label=, status=, name=, id=, image=. Errors: INVALID_ARGUMENT, listing them.
Result<ListFilter> parse_list_filter(const std::vector<std::string>& filters);

/// Whether a container passes the part of the filter that is left to us.
bool passes(const ListFilter& filter, const v1::Container& container);

/// container= (a name), uid=, label=, type=. Errors: INVALID_ARGUMENT, listing them.
Result<v1::EventFilter> parse_event_filter(const std::vector<std::string>& filters);

}  // namespace skerry::cli
