// What the volumes isolator needs of the daemon: volumes by name, given to a container and taken
// back.
//
//   check ─► acquire ─► (the container lives) ─► release
//               └ fails ─► everything has been released
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "isolators/container_config.h"

namespace skerry::isolators {

/// A volume as its driver calls it.
struct HeldVolume {
  std::string driver;
  std::string name;
  bool operator==(const HeldVolume&) const = default;
};

/// What has to be given back.
struct VolumeHolding {
  /// Tells one attempt of a container from the next: what was owed of an earlier one is not taken
  /// from a later one.
  std::string attempt;
  std::vector<HeldVolume> volumes;
  bool operator==(const VolumeHolding&) const = default;
};

/// The bytes of a checkpoint, version 1. Errors of decode: DATA_LOSS, reason CHECKPOINT_DAMAGED.
/// Blocks: never.
std::string encode_volume_holding(const VolumeHolding& holding);
Result<VolumeHolding> decode_volume_holding(std::string_view bytes);

struct VolumeRequest {
  Uid uid;
  std::string tenant;
  /// In the order of the spec; live as long as the call.
  std::vector<const VolumeMount*> mounts;
  /// Ends the waiting for a driver.
  std::stop_token stop = {};
};

struct PublishedVolume {
  UniqueFd mount;  ///< detached
  bool is_directory = true;
};

struct AcquiredVolumes {
  /// One for each of the request's mounts, in their order.
  std::vector<PublishedVolume> mounts;
  VolumeHolding holding;
};

class VolumeProvider {
 public:
  VolumeProvider() = default;
  VolumeProvider(const VolumeProvider&) = delete;
  VolumeProvider& operator=(const VolumeProvider&) = delete;
  virtual ~VolumeProvider() = default;

  /// Whether acquire() could succeed, as far as it is known without asking a driver. Errors:
  /// INVALID_ARGUMENT, reasons NAME_INVALID, VOLUME_OPTION_INVALID; NOT_FOUND, reason
  /// DRIVER_NOT_FOUND; ALREADY_EXISTS, reason VOLUME_DIFFERS. Blocks: kernel (a plugin's socket is
  /// looked for). Thread: any.
  virtual Result<> check(const std::string& tenant, const VolumeMount& mount) const = 0;

  /// The driver the mount would use, when that is foreign code or may hang as such does.
  /// Blocks: never. Thread: any.
  virtual std::optional<std::string> foreign_driver(const std::string& tenant,
                                                    const VolumeMount& mount) const = 0;
  virtual bool is_foreign(const std::string& driver) const = 0;

  /// Makes what is missing, mounts each volume once on this host, opens it for the container. On an
  /// error all is released, but for what holds() tells of; what a driver owes then is the
  /// provider's own debt. Errors: check()'s; UNAVAILABLE, reason DRIVER_FAILED; DEADLINE_EXCEEDED,
  /// reason DRIVER_TIMEOUT; CANCELLED; those of recording it. Blocks: up to the mount deadline for
  /// each volume. Thread: worker (foreign code).
  virtual Result<AcquiredVolumes> acquire(const VolumeRequest& request) = 0;

  /// After acquire() has failed: something could not be released, as on a full disk; release() it.
  /// Blocks: never.
  virtual bool holds(const Uid& uid) const = 0;

  /// The container uses them no more; a volume that nobody uses is unmounted, now or as a debt of
  /// the provider's. Null: what bears the uid and belongs to no attempt that is known. Errors: only
  /// when the daemon is ending. Blocks: up to the unmount deadline for each volume. Thread: worker
  /// (foreign code). Idempotent.
  virtual Result<> release(const Uid& uid, const VolumeHolding* holding) = 0;
};

}  // namespace skerry::isolators
