// What a volume is called, and what is said about it. Values only.
//
// Not built: copying an image's content into an empty volume at its first use, as Docker does. It
// is a long copy of hostile files as root inside a launch, and a crash in its middle looks like a
// volume in use. A volume starts empty.
#pragma once

#include <compare>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skerry::volumes {

/// A volume's name among all of this host. Two drivers may each have a volume "data".
struct VolumeKey {
  std::string driver;
  std::string name;
  auto operator<=>(const VolumeKey&) const = default;
  /// "driver/name", for messages.
  std::string str() const { return driver + "/" + name; }
};

/// What the driver was told at creation, in the driver's own words.
using VolumeOptions = std::map<std::string, std::string>;

/// A volume as its driver is told of it. Drivers keep no record of options or labels: the caller's
/// record of the volume is where they are, and goes into every call.
struct Volume {
  std::string name;
  VolumeOptions options = {};
};

/// What a driver says of a volume.
struct VolumeInfo {
  std::string name;
  /// Where it is on this host, as far as the driver says so now; for people, never to be opened.
  std::string mountpoint;
  /// As the driver wrote it; usually RFC 3339. Empty when it does not say.
  std::string created_at;
};

/// 1–128 characters of [A-Za-z0-9_.-], the first of [A-Za-z0-9]: fit for a directory and a URL.
/// Errors: INVALID_ARGUMENT, reason VOLUME_NAME_INVALID.
Result<> check_volume_name(std::string_view name);

/// The same rule. Errors: INVALID_ARGUMENT, reason VOLUME_DRIVER_NAME_INVALID.
Result<> check_driver_name(std::string_view name);

/// At most 64 options of 1–128 bytes name and at most 4096 bytes value, no NUL, valid UTF-8.
/// Errors: INVALID_ARGUMENT, reason VOLUME_OPTION_INVALID.
Result<> check_options(const VolumeOptions& options);

/// Refuses options other than `known`. Errors: INVALID_ARGUMENT, reason VOLUME_OPTION_UNKNOWN,
/// naming the option and those known.
Result<> refuse_unknown_options(const VolumeOptions& options,
                                std::initializer_list<std::string_view> known);

}  // namespace skerry::volumes
