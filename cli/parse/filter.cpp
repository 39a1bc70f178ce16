#include "cli/parse/filter.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/parse/words.h"
#include "cli/render/json.h"

namespace skerry::cli {
namespace {

Error bad(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

/// The number of the value whose word this is; the words, for the message, when there is none.
Result<int> parse_enum(const google::protobuf::EnumDescriptor& type,
                       std::string_view what,
                       std::string_view word) {
  std::string words;
  for (int i = 1; i < type.value_count(); ++i) {
    const auto& value = *type.value(i);
    if (enum_word(value) == word) return value.number();
    words += (i == 1 ? "" : ", ") + enum_word(value);
  }
  return bad(fmt::format("{} \"{}\" is not one of {}", what, word, words));
}

bool any(const std::vector<std::string>& values, const auto& test) {
  return values.empty() || std::ranges::any_of(values, test);
}

}  // namespace

Result<v1::ContainerState> parse_state(std::string_view word) {
  TRY_ASSIGN(const int number, parse_enum(*v1::ContainerState_descriptor(), "status", word));
  return static_cast<v1::ContainerState>(number);
}

v1::LabelSelector parse_label_selector(std::string_view text) {
  v1::LabelSelector selector;
  const auto equals = text.find('=');
  selector.set_key(std::string(text.substr(0, equals)));
  if (equals != std::string_view::npos) selector.set_value(std::string(text.substr(equals + 1)));
  return selector;
}

Result<ListFilter> parse_list_filter(const std::vector<std::string>& filters) {
  ListFilter filter;
  for (const std::string& text : filters) {
    TRY_ASSIGN(const auto pair, parse_pair("-f", text));
    const auto& [key, value] = pair;
    if (key == "label") {
      *filter.request.add_labels() = parse_label_selector(value);
    } else if (key == "status") {
      TRY_ASSIGN(const auto state, parse_state(value));
      filter.request.add_states(state);
    } else if (key == "name") {
      filter.names.push_back(value);
    } else if (key == "id") {
      filter.ids.push_back(value);
    } else if (key == "image" || key == "ancestor") {
      filter.roots.push_back(value);
    } else {
      return bad(fmt::format("-f \"{}\" is not one of label=, status=, name=, id=, image=", text));
    }
  }
  return filter;
}

bool passes(const ListFilter& filter, const v1::Container& container) {
  return any(filter.names,
             [&](const std::string& part) {
               return container.name().find(part) != std::string::npos;
             }) &&
         any(filter.ids,
             [&](const std::string& begin) {
               return container.id().starts_with(begin) || container.uid().starts_with(begin);
             }) &&
         any(filter.roots, [&](const std::string& root) {
           return container.root() == root || container.image_content_id() == root;
         });
}

Result<v1::EventFilter> parse_event_filter(const std::vector<std::string>& filters) {
  v1::EventFilter filter;
  for (const std::string& text : filters) {
    TRY_ASSIGN(const auto pair, parse_pair("-f", text));
    const auto& [key, value] = pair;
    if (key == "container") {
      filter.add_containers()->set_name(value);
    } else if (key == "uid") {
      filter.add_containers()->set_uid(value);
    } else if (key == "label") {
      *filter.add_labels() = parse_label_selector(value);
    } else if (key == "type") {
      TRY_ASSIGN(const int type, parse_enum(*v1::EventType_descriptor(), "type", value));
      filter.add_types(static_cast<v1::EventType>(type));
    } else {
      return bad(fmt::format("-f \"{}\" is not one of container=, uid=, label=, type=", text));
    }
  }
  return filter;
}

}  // namespace skerry::cli
