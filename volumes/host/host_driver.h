// The driver "host": a volume is a name for a path of the host. Option `path`, absolute, below what
// the configuration allows. The directory is the operator's: it must be there, and is never made or
// deleted here.
#pragma once

#include "volumes/host/host_paths.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

/// Keeps no catalog: the caller's records do. Errors of its own: HostPaths' at every call.
class HostDriver final : public VolumeDriver {
 public:
  explicit HostDriver(HostPaths paths) : paths_(std::move(paths)) {}

  std::string_view name() const override { return "host"; }
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
  Result<os::ForeignPath> open(const Volume& volume, const CallLimits& limits) const;

  HostPaths paths_;
};

}  // namespace skerry::volumes
