#include "cli/render/template.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/descriptor.h>
#include <nlohmann/json.hpp>

#include "cli/render/human.h"

namespace skerry::cli {
namespace {

using Json = nlohmann::ordered_json;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

Error bad(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

Error not_understood(std::string_view action) {
  return bad(
      fmt::format("--format: \"{{{{{}}}}}\" is not one of {{{{.Field}}}}, {{{{.Field.Sub}}}}, "
                  "{{{{index .Field \"key\"}}}}, {{{{json .Field}}}}, {{{{json .}}}}",
                  action));
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

/// "\t" and "\n", as a shell's quotes leave them.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    const bool escape = text[i] == '\\' && (next == 't' || next == 'n');
    out += !escape ? text[i] : next == 't' ? '\t' : '\n';
    if (escape) ++i;
  }
  return out;
}

/// ".A.B" is {"A", "B"}, "." nothing. Absent: it is no such thing.
std::optional<std::vector<std::string>> parse_path(std::string_view text) {
  std::vector<std::string> path;
  if (text == ".") return path;
  while (!text.empty()) {
    if (text.front() != '.') return std::nullopt;
    text.remove_prefix(1);
    const std::string_view name = text.substr(0, text.find('.'));
    const bool word = !name.empty() && std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!word) return std::nullopt;
    path.emplace_back(name);
    text.remove_prefix(name.size());
  }
  if (path.empty()) return std::nullopt;
  return path;
}

/// The names Docker's users know for ours.
std::string canonical(std::string_view name) {
  std::string folded_name = folded(name);
  if (folded_name == "id") return "uid";
  if (folded_name == "names") return "name";
  return folded_name;
}

const Json* find_field(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto find = [&object](const std::string& wanted) -> const Json* {
    for (const auto& [key, value] : object.items()) {
      if (folded(key) == wanted) return &value;
    }
    return nullptr;
  };
  // An exec has an id of its own and a uid as well: the alias is for where there is nothing better.
  const Json* alias = find(canonical(name));
  return alias != nullptr ? alias : find(folded(name));
}

const FieldDescriptor* find_field(const Descriptor& type, std::string_view name) {
  for (const std::string& wanted : {canonical(name), folded(name)}) {
    for (int i = 0; i < type.field_count(); ++i) {
      if (folded(type.field(i)->name()) == wanted) return type.field(i);
    }
  }
  return nullptr;
}

std::string value_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return printable(value.get_ref<const std::string&>());
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Error no_field(std::string_view name,
               const Descriptor& type,
               const std::vector<std::string>& columns) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(type.field_count()) + columns.size());
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  names.insert(names.end(), columns.begin(), columns.end());
  return bad(fmt::format(
      "--format: there is no field \"{}\"; there are {}", name, fmt::join(names, ", ")));
}

/// Times are messages to the API and text here.
bool has_fields(const FieldDescriptor& field) {
  return field.message_type() != nullptr && !field.is_repeated() &&
         field.message_type()->file()->package() != "google.protobuf";
}

}  // namespace

std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '_' || c == ' ') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

Result<Template::Part> Template::parse_action(std::string_view action) {
  Part part;
  part.kind = Kind::kField;
  std::string_view rest = trimmed(action);
  if (rest.starts_with("json ")) {
    part.kind = Kind::kJson;
    rest = trimmed(rest.substr(5));
  }
  const auto quote = rest.find('"');
  if (rest.starts_with("index ") && quote != std::string_view::npos && rest.size() > quote + 1 &&
      rest.ends_with('"')) {
    part.indexed = true;
    const std::string key(rest.substr(quote + 1, rest.size() - quote - 2));
    auto path = parse_path(trimmed(rest.substr(6, quote - 6)));
    if (!path || path->empty() || key.find('"') != std::string::npos) return not_understood(action);
    part.path = std::move(*path);
    part.path.push_back(key);
    return part;
  }
  auto path = parse_path(rest);
  if (!path || (path->empty() && part.kind != Kind::kJson)) return not_understood(action);
  part.path = std::move(*path);
  return part;
}

Result<Template> Template::parse(std::string_view text) {
  Template result;
  constexpr std::string_view kTable = "table ";
  if (text.starts_with(kTable)) {
    result.table_ = true;
    text.remove_prefix(kTable.size());
  }
  while (!text.empty()) {
    const auto begin = text.find("{{");
    if (begin != 0)
      result.parts_.push_back({Kind::kText, unescaped(text.substr(0, begin)), {}, false});
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin + 2);
    const auto end = text.find("}}");
    if (end == std::string_view::npos) return bad("--format: \"{{\" without \"}}\"");
    TRY_ASSIGN(auto part, parse_action(text.substr(0, end)));
    result.parts_.push_back(std::move(part));
    text.remove_prefix(end + 2);
  }
  return result;
}

Result<> Template::check(const Descriptor& type, const std::vector<std::string>& columns) const {
  for (const Part& part : parts_) {
    if (part.path.empty()) continue;
    const auto is_column = [&part](const std::string& column) {
      return folded(column) == canonical(part.path.front()) ||
             folded(column) == folded(part.path.front());
    };
    if (part.path.size() == 1 && std::ranges::any_of(columns, is_column)) continue;
    const Descriptor* inside = &type;
    for (std::size_t i = 0; i < part.path.size(); ++i) {
      const FieldDescriptor* field = find_field(*inside, part.path[i]);
      if (field == nullptr)
        return no_field(part.path[i], *inside, i == 0 ? columns : std::vector<std::string>());
      if (i + 1 == part.path.size()) break;
      if (field->is_map() && i + 2 == part.path.size()) break;
      if (part.indexed || !has_fields(*field)) {
        return bad(fmt::format("--format: \"{}\" has no \"{}\"", part.path[i], part.path[i + 1]));
      }
      inside = field->message_type();
    }
  }
  return {};
}

std::string Template::render(const Json& object) const {
  std::string out;
  for (const Part& part : parts_) {
    if (part.kind == Kind::kText) {
      out += part.text;
      continue;
    }
    const Json* value = &object;
    for (std::size_t i = 0; i < part.path.size() && value != nullptr; ++i) {
      const bool key = part.indexed && i + 1 == part.path.size();
      if (!key) {
        value = find_field(*value, part.path[i]);
      } else {
        const auto found = value->find(part.path[i]);
        value = found == value->end() ? nullptr : &*found;
      }
    }
    if (part.kind == Kind::kJson) {
      out +=
          value == nullptr ? "null" : value->dump(-1, ' ', false, Json::error_handler_t::replace);
    } else if (value != nullptr) {
      out += value_text(*value);
    }
  }
  return out;
}

std::string Template::headers() const {
  std::string out;
  for (const Part& part : parts_) {
    if (part.kind == Kind::kText) {
      out += part.text;
      continue;
    }
    for (const char c : part.path.empty() ? std::string("json") : part.path.back()) {
      out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return out;
}

}  // namespace skerry::cli
