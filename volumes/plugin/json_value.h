// The parser behind json.h and messages.h; for their .cpp files only, because of what it includes.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace skerry::volumes {

using Json = nlohmann::json;

/// Discarded (is_discarded()) when the text is no JSON or deeper than 32 levels.
inline Json parse_bounded(std::string_view text) {
  constexpr int kMaxDepth = 32;
  bool too_deep = false;
  const auto look = [&too_deep](int depth, Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    // What is too deep is thrown away while it is read, so it never grows.
    return !too_deep;
  };
  Json value = Json::parse(text, look, false);
  if (too_deep) return Json::value_t::discarded;
  return value;
}

/// The member `key` of `object`, in any case when it is not there as written. Null when missing.
inline Json member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  if (const auto exact = object.find(key); exact != object.end()) return *exact;
  const auto lower = [](std::string_view text) {
    std::string out(text);
    for (char& c : out)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
  };
  for (const auto& [name, value] : object.items())
    if (lower(name) == lower(key)) return value;
  return nullptr;
}

/// Empty when it is missing or no string.
inline std::string text_member(const Json& object, std::string_view key) {
  const Json value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

}  // namespace skerry::volumes
