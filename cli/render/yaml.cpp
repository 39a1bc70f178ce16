#include "cli/render/yaml.h"

#include <algorithm>
#include <string_view>

#include <nlohmann/json.hpp>

namespace skerry::cli {
namespace {

using Json = nlohmann::ordered_json;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Words YAML 1.1 or 1.2 reads as something other than text.
bool is_reserved(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const std::string_view word :
       {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}) {
    if (lower == word) return true;
  }
  return false;
}

/// Begins with a letter or "/" and holds nothing that means something to YAML anywhere.
bool is_plain(std::string_view text) {
  if (text.empty() || is_reserved(text)) return false;
  if (!is_letter(text.front()) && text.front() != '/') return false;
  return std::ranges::all_of(text, [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view("./_-@+").find(c) != std::string_view::npos;
  });
}

std::string scalar(const Json& json) {
  if (json.is_object()) return "{}";
  if (json.is_array()) return "[]";
  if (json.is_string() && is_plain(json.get_ref<const std::string&>())) return json;
  // A JSON text is a double-quoted YAML one.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_block(const Json& json) { return json.is_structured() && !json.empty(); }

void write(const Json& json, std::size_t depth, std::string& out);

void write_object(const Json& json, std::size_t depth, std::string& out) {
  // The first key of an object in a list stands on the line of its dash.
  bool indent = out.empty() || out.back() == '\n';
  for (const auto& [key, value] : json.items()) {
    if (indent) out.append(2 * depth, ' ');
    indent = true;
    out += scalar(key) + ":";
    if (is_block(value)) {
      out += '\n';
      write(value, value.is_array() ? depth : depth + 1, out);
    } else {
      out += " " + scalar(value) + "\n";
    }
  }
}

void write_array(const Json& json, std::size_t depth, std::string& out) {
  for (const Json& element : json) {
    out.append(2 * depth, ' ');
    out += "- ";
    if (element.is_array() && is_block(element)) {
      out.back() = '\n';
      write(element, depth + 1, out);
    } else {
      write(element, depth + 1, out);
    }
  }
}

void write(const Json& json, std::size_t depth, std::string& out) {
  if (!is_block(json)) {
    out += scalar(json) + "\n";
  } else if (json.is_object()) {
    write_object(json, depth, out);
  } else {
    write_array(json, depth, out);
  }
}

}  // namespace

std::string yaml_text(const Json& json) {
  std::string out;
  write(json, 0, out);
  return out;
}

}  // namespace skerry::cli
