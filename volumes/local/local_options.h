// The options of a local volume, parsed.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "volumes/volume.h"

namespace skerry::volumes {

/// Of the data directory.
struct LocalOptions {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t mode = 0755;
  bool operator==(const LocalOptions&) const = default;
};

/// Errors: INVALID_ARGUMENT, reasons VOLUME_OPTION_UNKNOWN, VOLUME_OPTION_INVALID. Blocks: never.
Result<LocalOptions> parse_local_options(const VolumeOptions& options);

}  // namespace skerry::volumes
