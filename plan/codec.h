// The plan as bytes: what travels from skerryd to the launcher in a sealed memfd.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"

namespace skerry::plan {

/// Version of the encoding. Launcher and daemon of one release share it; the daemon replaces a
/// launcher of another version before it sends a plan.
///   1  containers
///   2  execs (`enter`), pod inits, terminals, joined pid namespaces; sandbox plans
constexpr std::uint32_t kPlanVersion = 2;
/// Upper bound of an encoded plan: 1 MiB of arguments and environment, and room for the rest.
constexpr std::size_t kMaxPlanBytes = 4ULL << 20U;

/// Errors: RESOURCE_EXHAUSTED above kMaxPlanBytes.
Result<std::vector<std::uint8_t>> encode(const LaunchPlan& plan);

/// Checks bounds, counts and enumerators; a plan that decodes is well formed.
/// Errors: INVALID_ARGUMENT, reason PLAN_MALFORMED or PLAN_VERSION.
Result<LaunchPlan> decode(std::span<const std::uint8_t> bytes);

/// The same for a pod's namespaces; neither kind decodes as the other.
Result<std::vector<std::uint8_t>> encode(const SandboxPlan& plan);
Result<SandboxPlan> decode_sandbox(std::span<const std::uint8_t> bytes);

}  // namespace skerry::plan
