#include "volumes/volume.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace skerry::volumes {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxOptions = 64;
constexpr std::size_t kMaxOptionName = 128;
constexpr std::size_t kMaxOptionValue = 4096;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name_character(char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; }

Result<> check_name(std::string_view what, std::string_view name, std::string_view reason) {
  if (!name.empty() && name.size() <= kMaxName && is_alphanumeric(name.front()) &&
      std::ranges::all_of(name, is_name_character)) {
    return {};
  }
  return Error(Code::kInvalidArgument,
               fmt::format("{} \"{}\" is not 1 to {} characters of [A-Za-z0-9_.-] that start with "
                           "a letter or digit",
                           what,
                           name.substr(0, kMaxName),
                           kMaxName))
      .with_reason(reason);
}

Error option_invalid(std::string message) {
  return Error(Code::kInvalidArgument, std::move(message)).with_reason("VOLUME_OPTION_INVALID");
}

bool is_text(const std::string& value) {
  if (value.find('\0') != std::string::npos) return false;
  // What goes to a plugin is JSON, and what goes to a client protobuf: both take UTF-8 only.
  using Json = nlohmann::json;
  return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace).find("\uFFFD") ==
             std::string::npos ||
         value.find("\uFFFD") != std::string::npos;
}

}  // namespace

Result<> check_volume_name(std::string_view name) {
  return check_name("volume name", name, "VOLUME_NAME_INVALID");
}

Result<> check_driver_name(std::string_view name) {
  return check_name("volume driver name", name, "VOLUME_DRIVER_NAME_INVALID");
}

Result<> check_options(const VolumeOptions& options) {
  if (options.size() > kMaxOptions) {
    return option_invalid(
        fmt::format("{} volume options where {} are the most", options.size(), kMaxOptions));
  }
  for (const auto& [name, value] : options) {
    if (name.empty() || name.size() > kMaxOptionName || !is_text(name)) {
      return option_invalid(
          fmt::format("a volume option's name is not 1 to {} bytes of text", kMaxOptionName));
    }
    if (value.size() > kMaxOptionValue || !is_text(value)) {
      return option_invalid(fmt::format(
          "value of volume option \"{}\" is not text of up to {} bytes", name, kMaxOptionValue));
    }
  }
  return {};
}

Result<> refuse_unknown_options(const VolumeOptions& options,
                                std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : options) {
    if (std::ranges::find(known, name) != known.end()) continue;
    return Error(
               Code::kInvalidArgument,
               fmt::format(
                   "volume option \"{}\" is unknown; there are: {}", name, fmt::join(known, ", ")))
        .with_reason("VOLUME_OPTION_UNKNOWN");
  }
  return {};
}

}  // namespace skerry::volumes
