// The contract every volume driver fulfils: where the data of volumes is, and how a container gets
// at it.
//
// Two levels of use, each counted by the caller (volumes/reference_table.h), never by the driver:
//
//   create ─► stage ─► publish … publish ─► unstage ─► remove
//             │        └ once per container
//             └ once per volume and host
//
//  - stage makes the volume's data appear somewhere on this host (a plugin's Mount, CSI's
//    NodeStageVolume). publish gives one consumer a detached mount of it; nothing is mounted on the
//    host for it, so the container's end takes it away and nothing is to be called then.
//  - The caller journals that it is about to stage before it does, and what stage returned after.
//    A stage() that failed may have worked all the same (an answer that never came): unstage()
//    makes it certain, whatever the error was.
//  - One call at a time for a volume (volumes/lanes.h); calls for two volumes run side by side, so
//    a driver is called by several threads at a time.
//  - Idempotent, all of them: what is already so succeeds. That a volume is gone is success to
//    remove and unstage, also after a reboot or a restart of the plugin.
//  - Names and options have passed check_volume_name() and check_options(). Drivers never trust
//    what a plugin or a file system answers.
//  - Drivers never log; their errors name driver and volume and go up.
//
// Errors, besides those named at a function:
//   NOT_FOUND            VOLUME_NOT_FOUND          the driver does not know the volume
//   UNKNOWN              PLUGIN_ERROR              what the plugin itself said, in its words
//   INTERNAL             PLUGIN_REPLY_INVALID      the plugin's answer makes no sense
//   DEADLINE_EXCEEDED    PLUGIN_TIMEOUT, PATH_HANGS   retryable; the call may have worked
//   UNAVAILABLE          PLUGIN_UNREACHABLE        retryable; the call was never sent
//   UNAVAILABLE          PLUGIN_BROKE_OFF          retryable; the call may have worked
//   UNAVAILABLE          VOLUME_DISCONNECTED       retryable; the file system is dead (FUSE, NFS)
//   CANCELLED            CALL_CANCELLED            the caller gave up; the call may have worked
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "volumes/volume.h"

namespace skerry::volumes {

/// How long a call may take, and how it is called off.
struct CallLimits {
  SteadyTime deadline;
  /// Polls readable when the caller gives up; borrowed; -1 is never.
  int cancel_fd = -1;

  static CallLimits within(std::chrono::milliseconds time, int cancel_fd = -1) {
    return {.deadline = std::chrono::steady_clock::now() + time, .cancel_fd = cancel_fd};
  }
  /// Never negative.
  std::chrono::milliseconds left() const;
};

/// Where a volume of this driver can be seen from.
enum class Scope : std::uint8_t {
  kLocal,   ///< Of this host; each host has its own "data".
  kGlobal,  ///< Of the cluster; to be created once.
};

struct Capabilities {
  Scope scope = Scope::kLocal;
  /// It knows its volumes: list() is complete. Else only the caller's records say what there is,
  /// list() is empty and get() describes the volume it is given.
  bool keeps_catalog = true;
};

/// What stage() returned, kept in the caller's journal and given back with each later call.
struct Staged {
  /// Absolute, on the host.
  std::string mountpoint;
  /// A file system was mounted exactly there. If one no longer is, the driver lost it.
  bool is_mount = false;
  bool operator==(const Staged&) const = default;
};

enum class Access : std::uint8_t { kReadWrite, kReadOnly };

struct PublishRequest {
  Access access = Access::kReadWrite;
};

struct Published {
  /// To be attached inside the container's mount namespace; private propagation.
  UniqueFd detached_mount;
  bool is_directory = true;
  /// What the volume's Staged is from now on: other than the one given when the driver had lost the
  /// volume and staged it again. To be journaled.
  Staged staged;
};

/// Thread: worker, several at a time. Blocks: up to the limits' deadline and a moment more, unless
/// said otherwise.
class VolumeDriver {
 public:
  VolumeDriver() = default;
  VolumeDriver(const VolumeDriver&) = delete;
  VolumeDriver& operator=(const VolumeDriver&) = delete;
  virtual ~VolumeDriver() = default;

  /// "local", "host", or the plugin's name. Blocks: never.
  virtual std::string_view name() const = 0;

  /// Errors: none of its own.
  virtual Result<Capabilities> capabilities(const CallLimits& limits) = 0;

  /// Makes the volume be. One that is there already stays as it is, whatever its options were: the
  /// caller compares them with its record. Errors: INVALID_ARGUMENT, reasons VOLUME_OPTION_UNKNOWN,
  /// VOLUME_OPTION_INVALID.
  virtual Result<> create(const Volume& volume, const CallLimits& limits) = 0;

  /// Deletes the volume and its data. That nobody uses it is for the caller to know.
  /// Errors: FAILED_PRECONDITION when something is mounted inside (local).
  virtual Result<> remove(const Volume& volume, const CallLimits& limits) = 0;

  /// Errors: NOT_FOUND, reason VOLUME_NOT_FOUND.
  virtual Result<VolumeInfo> get(const Volume& volume, const CallLimits& limits) = 0;

  /// Sorted by name; at most 10,000. Volumes whose names are not ours to use are left out.
  virtual Result<std::vector<VolumeInfo>> list(const CallLimits& limits) = 0;

  /// Errors: NOT_FOUND; INTERNAL, reason MOUNTPOINT_INVALID, for a mountpoint that cannot be.
  virtual Result<Staged> stage(const Volume& volume, const CallLimits& limits) = 0;

  /// Errors: NOT_FOUND, UNAVAILABLE as above.
  virtual Result<Published> publish(const Volume& volume,
                                    const Staged& staged,
                                    const PublishRequest& request,
                                    const CallLimits& limits) = 0;

  /// `staged` is absent when stage() did not return. Errors: those above, to be tried again.
  virtual Result<> unstage(const Volume& volume,
                           const std::optional<Staged>& staged,
                           const CallLimits& limits) = 0;
};

}  // namespace skerry::volumes
