#include "images/image_name.h"

#include <algorithm>

#include <fmt/format.h>

#include "images/content_id.h"

namespace skerry::images {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxTag = 128;
constexpr std::string_view kDefaultTag = "latest";

// Not isalnum(3), which asks the locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_word(char c) { return is_digit(c) || is_lower(c); }
bool is_mark(char c) { return c == '.' || c == '_' || c == '-'; }

bool is_component(std::string_view text) {
  if (text.empty() || !is_word(text.front()) || !is_word(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || is_mark(c); });
}

bool is_host(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return is_component(text);
  const auto port = text.substr(colon + 1);
  return is_component(text.substr(0, colon)) && !port.empty() && port.size() <= 5 &&
         std::all_of(port.begin(), port.end(), is_digit);
}

bool is_repository(std::string_view text) {
  bool is_first = true;
  while (true) {
    const auto slash = text.find('/');
    const auto component = text.substr(0, slash);
    const bool is_last = slash == std::string_view::npos;
    if (!(is_first && !is_last ? is_host(component) : is_component(component))) return false;
    if (is_last) return true;
    text.remove_prefix(slash + 1);
    is_first = false;
  }
}

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > kMaxTag || text.front() == '.' || text.front() == '-')
    return false;
  return std::all_of(
      text.begin(), text.end(), [](char c) { return is_word(c) || is_upper(c) || is_mark(c); });
}

Error invalid(std::string message) {
  return Error(Code::kInvalidArgument, std::move(message)).with_reason("IMAGE_NAME_INVALID");
}

}  // namespace

Result<ImageName> parse_image_name(std::string_view text) {
  if (text.size() > kMaxName)
    return invalid(fmt::format("an image name of {} characters is over {}", text.size(), kMaxName));
  ImageName out{std::string(text), std::string(kDefaultTag)};
  // A colon before a slash belongs to a port.
  const auto colon = text.find_last_of(":/");
  if (colon != std::string_view::npos && text[colon] == ':') {
    out.repository = text.substr(0, colon);
    out.tag = text.substr(colon + 1);
  }
  // What is wrong is not quoted: it may hold any byte.
  if (!is_repository(out.repository)) {
    return invalid(
        "an image name is words of a-z, 0-9, \".\", \"_\" and \"-\" joined by \"/\", and an "
        "optional \":tag\"");
  }
  if (!is_tag(out.tag))
    return invalid("an image's tag is 1 to 128 of A-Z, a-z, 0-9, \".\", \"_\" and \"-\"");
  if (out.repository == "sha256" || (out.repository.size() == 64 && is_hex(out.repository)))
    return invalid(fmt::format("\"{}\" would read as a content id", out.repository));
  return out;
}

}  // namespace skerry::images
