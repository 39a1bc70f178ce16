#include "volumes/plugin/json.h"

#include <fmt/format.h>

#include "volumes/plugin/json_value.h"

namespace skerry::volumes {
namespace {

/// Bytes of the UTF-8 sequence at the start of `text`; 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  // Json's own check knows surrogates and over-long forms too.
  if (length > 1) {
    const Json probe = Json::parse(fmt::format("\"{}\"", text.substr(0, length)), nullptr, false);
    if (probe.is_discarded()) return 0;
  }
  return length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (out.size() + length > kMaxShownText) return out + "…";
    if (length == 0) {
      out += '?';
    } else if (length == 1 && (text[0] < ' ' || text[0] == '\x7f')) {
      out += ' ';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  const auto end = out.find_last_not_of(' ');
  out.resize(end == std::string::npos ? 0 : end + 1);
  return out;
}

Result<std::string> string_in_json(std::string_view text, const std::string& key) {
  const Json object = parse_bounded(text);
  const Json value = member(object, key);
  if (value.is_string()) return value.get<std::string>();
  return Error(Code::kInvalidArgument,
               object.is_object() ? fmt::format("it has no \"{}\"", key) : "it is no JSON object")
      .with_reason("PLUGIN_SPEC_INVALID");
}

}  // namespace skerry::volumes
