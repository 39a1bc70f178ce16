#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "isolators/cgroup/cgroup.h"
#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "cgroup/cpu";
constexpr std::uint64_t kMilliPerCpu = 1000;
constexpr std::uint64_t kWeightPerCpu = 100;
constexpr std::uint64_t kMinWeight = 1;
constexpr std::uint64_t kMaxWeight = 10'000;

/// What asks for nothing counts like one CPU, which is the kernel's default.
std::uint64_t weight_of(const Resources& resources) {
  if (!resources.cpu_request) return kWeightPerCpu;
  return std::clamp(
      resources.cpu_request->value() * kWeightPerCpu / kMilliPerCpu, kMinWeight, kMaxWeight);
}

Result<> check_range(std::string_view field, MilliCpu value, MilliCpu min, MilliCpu max) {
  if (value >= min && value <= max) return {};
  return refuse(field,
                fmt::format("{} mCPU", value.value()),
                fmt::format("{} to {} mCPU, what this host has", min.value(), max.value()),
                value < min ? "CPU_TOO_SMALL" : "CPU_ABOVE_HOST");
}

class CpuIsolator final : public Isolator {
 public:
  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& host) const override {
    const Resources& resources = config.resources;
    const MilliCpu all{host.cpus * kMilliPerCpu};
    if (resources.cpu_request) {
      TRY(check_range("resources.requests.millicpu", *resources.cpu_request, MilliCpu{1}, all));
    }
    if (resources.cpu_limit) {
      TRY(check_range("resources.limits.cpu", *resources.cpu_limit, kMinCpuLimit, all));
    }
    if (resources.cpu_request && resources.cpu_limit &&
        *resources.cpu_request > *resources.cpu_limit) {
      return refuse("resources.requests.millicpu",
                    fmt::format("{} mCPU", resources.cpu_request->value()),
                    fmt::format("at most the limit, {} mCPU", resources.cpu_limit->value()),
                    "CPU_REQUEST_ABOVE_LIMIT");
    }
    return {};
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    // A new group has no quota: nothing to write then.
    TRY(context.cgroup.set_cpu({.weight = weight_of(context.config.resources),
                                .limit = context.config.resources.cpu_limit}));
    return nothing_to_remember(kName);
  }

  Result<> update(const ContainerConfig& config, os::Cgroup& cgroup) override {
    return cgroup.set_cpu({.weight = weight_of(config.resources),
                           .limit = config.resources.cpu_limit.value_or(MilliCpu{0})});
  }
};

}  // namespace

std::unique_ptr<Isolator> make_cpu_isolator() { return std::make_unique<CpuIsolator>(); }

}  // namespace skerry::isolators
