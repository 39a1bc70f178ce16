#include "volumes/local/local_options.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>

#include <fmt/format.h>

namespace skerry::volumes {
namespace {

Result<> read_number(const VolumeOptions& options,
                     const std::string& name,
                     int base,
                     std::uint32_t max,
                     std::uint32_t& out) {
  const auto option = options.find(name);
  if (option == options.end()) return {};
  const std::string& text = option->second;
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value, base);
  if (read.ec == std::errc() && read.ptr == end && value <= max) {
    out = value;
    return {};
  }
  return Error(Code::kInvalidArgument,
               fmt::format("volume option \"{}\" is \"{}\", not a number {}",
                           name,
                           text,
                           base == 8 ? fmt::format("of octal digits up to {:o}", max)
                                     : fmt::format("up to {}", max)))
      .with_reason("VOLUME_OPTION_INVALID");
}

}  // namespace

Result<LocalOptions> parse_local_options(const VolumeOptions& options) {
  TRY(refuse_unknown_options(options, {"uid", "gid", "mode"}));
  // The highest number means "leave it" to chown(2).
  constexpr std::uint32_t kMaxId = std::numeric_limits<std::uint32_t>::max() - 1;
  constexpr std::uint32_t kMaxMode = 07777;
  LocalOptions out;
  TRY(read_number(options, "uid", 10, kMaxId, out.uid));
  TRY(read_number(options, "gid", 10, kMaxId, out.gid));
  TRY(read_number(options, "mode", 8, kMaxMode, out.mode));
  return out;
}

}  // namespace skerry::volumes
