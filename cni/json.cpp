#include "cni/json.h"

#include <algorithm>

#include <fmt/format.h>

namespace skerry::cni {
namespace {

/// The parser itself knows no limit, and what walks a deep value recurses.
bool is_too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

Error wrong_kind(const char* key, const char* kind) {
  return Error(Code::kInvalidArgument, fmt::format("\"{}\" is not {}", key, kind));
}

using IsKind = bool (Json::*)() const noexcept;

Result<const Json*> member(const Json& object, const char* key, IsKind is_kind, const char* kind) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return nullptr;
  if (!((*found).*is_kind)()) return wrong_kind(key, kind);
  return &*found;
}

}  // namespace

Result<Json> parse_object(std::string_view text) {
  if (text.size() > kMaxDocument)
    return Error(Code::kInvalidArgument,
                 fmt::format("the document is longer than {} bytes", kMaxDocument));
  if (is_too_deep(text))
    return Error(Code::kInvalidArgument,
                 fmt::format("the document is nested deeper than {} levels", kMaxDepth));
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return Error(Code::kInvalidArgument, "the document is not JSON");
  if (!json.is_object()) return Error(Code::kInvalidArgument, "the document is not a JSON object");
  return json;
}

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> string_member(const Json& object, const char* key) {
  TRY_ASSIGN(const Json* found, member(object, key, &Json::is_string, "a string"));
  return found == nullptr ? std::string() : found->get<std::string>();
}

Result<bool> bool_member(const Json& object, const char* key) {
  TRY_ASSIGN(const Json* found, member(object, key, &Json::is_boolean, "true or false"));
  return found != nullptr && found->get<bool>();
}

Result<const Json*> object_member(const Json& object, const char* key) {
  return member(object, key, &Json::is_object, "an object");
}

Result<const Json*> array_member(const Json& object, const char* key) {
  return member(object, key, &Json::is_array, "an array");
}

Result<std::vector<std::string>> strings_member(const Json& object, const char* key) {
  TRY_ASSIGN(const Json* found, array_member(object, key));
  std::vector<std::string> out;
  if (found == nullptr) return out;
  for (const Json& item : *found) {
    if (!item.is_string()) return wrong_kind(key, "an array of strings");
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::string printable(std::string_view text, std::size_t max) {
  std::string out(text.substr(0, max));
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  std::ranges::replace_if(
      out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  if (text.size() > max) out += "…";
  return out;
}

}  // namespace skerry::cni
