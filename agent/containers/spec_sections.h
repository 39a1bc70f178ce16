// Sections of a container's spec that have a file of their own; check_spec() puts them together.
// Pure.
#pragma once

#include "agent/config/config.h"
#include "base/result.h"
#include "isolators/container_config.h"
#include "skerry/v1/container_spec.pb.h"

namespace skerry::agent {

/// Where the root directory comes from. Errors, as of all below: INVALID_ARGUMENT naming the field;
/// PERMISSION_DENIED, reason BIND_REFUSED, for a path of the host that the configuration forbids.
Result<> check_root(const v1::RootFilesystem& root,
                    const config::Config& daemon,
                    isolators::ContainerConfig& config);

Result<> check_mounts(const v1::ContainerSpec& spec,
                      const config::Config& config,
                      isolators::ContainerConfig& out);

Result<> check_rlimits(const v1::ContainerSpec& spec, isolators::ContainerConfig& config);

}  // namespace skerry::agent
