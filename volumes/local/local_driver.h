// The driver "local": a volume is a directory of ours.
//
//   ROOT/volumes/            0700: setuid programs in volumes are for root only
//     <name>/data/           0755 root, or what the options say; the volume
//     .gone-<32 hex>/        on its way out; names of volumes do not begin with a dot
//
// A volume is there when its data directory is. Options, for the new directory only: `uid`, `gid`
// (decimal), `mode` (octal, up to 7777).
#pragma once

#include <cstddef>
#include <string>

#include "base/unique_fd.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

/// Blocks: disk, not measured by the limits: the disk is the daemon's own. remove() takes as long
/// as the volume is big; the volume is gone at once, and what cannot be deleted is left to sweep().
class LocalDriver final : public VolumeDriver {
 public:
  /// Makes `volumes` below `root_dir` (borrowed for this call) when it is not there. `root_path` is
  /// that directory's path, for what get() says. Errors: by errno.
  static Result<LocalDriver> open(int root_dir, const std::string& root_path);

  struct SweepReport {
    std::size_t deleted = 0;
    /// Could not be deleted, such as with something mounted inside.
    std::size_t left = 0;
  };
  /// Deletes what removals left behind; at start. Blocks: disk.
  Result<SweepReport> sweep() const;

  LocalDriver(LocalDriver&& other) noexcept
      : volumes_(std::move(other.volumes_)), path_(std::move(other.path_)) {}

  std::string_view name() const override { return "local"; }
  Result<Capabilities> capabilities(const CallLimits& limits) override;
  Result<> create(const Volume& volume, const CallLimits& limits) override;
  Result<> remove(const Volume& volume, const CallLimits& limits) override;
  Result<VolumeInfo> get(const Volume& volume, const CallLimits& limits) override;
  Result<std::vector<VolumeInfo>> list(const CallLimits& limits) override;
  Result<Staged> stage(const Volume& volume, const CallLimits& limits) override;
  Result<Published> publish(const Volume& volume,
                            const Staged& staged,
                            const PublishRequest& request,
                            const CallLimits& limits) override;
  Result<> unstage(const Volume& volume,
                   const std::optional<Staged>& staged,
                   const CallLimits& limits) override;

 private:
  LocalDriver(UniqueFd volumes, std::string path)
      : volumes_(std::move(volumes)), path_(std::move(path)) {}
  /// O_PATH.
  Result<UniqueFd> open_data(const std::string& name) const;
  Result<std::vector<std::string>> entries() const;
  std::string data_path(const std::string& name) const;

  UniqueFd volumes_;
  std::string path_;
};

}  // namespace skerry::volumes
