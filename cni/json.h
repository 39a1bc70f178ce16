// JSON from outside, read within limits. Only for the .cpp files of this folder: it brings the JSON
// library along, which the public headers keep out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace skerry::cni {

using Json = nlohmann::json;

/// Bytes of one document: a network list, a plugin's answer, a cache file.
constexpr std::size_t kMaxDocument = 1024UL * 1024;
/// Objects and arrays inside each other.
constexpr std::size_t kMaxDepth = 64;

/// Reads one JSON object. Errors: INVALID_ARGUMENT for what is none, is longer than kMaxDocument or
/// deeper than kMaxDepth. Blocks: never.
Result<Json> parse_object(std::string_view text);

/// As text on one line; strings that are no UTF-8 get replacement characters.
std::string to_text(const Json& json);

/// Members that may be absent, but not of another kind. Errors: INVALID_ARGUMENT naming the key.
Result<std::string> string_member(const Json& object, const char* key);
Result<bool> bool_member(const Json& object, const char* key);
Result<std::vector<std::string>> strings_member(const Json& object, const char* key);
/// A member of the kind that `is` asks for, or null.
Result<const Json*> object_member(const Json& object, const char* key);
Result<const Json*> array_member(const Json& object, const char* key);

/// `text` for people: cut to `max` bytes, control characters and what is no ASCII replaced by "?".
std::string printable(std::string_view text, std::size_t max);

}  // namespace skerry::cni
