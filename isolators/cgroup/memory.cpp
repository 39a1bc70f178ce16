#include <cstdint>

#include <fmt/format.h>

#include "isolators/cgroup/cgroup.h"
#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "cgroup/memory";

Result<> check_range(std::string_view field, Bytes value, Bytes min, Bytes max) {
  if (value >= min && value <= max) return {};
  return refuse(field,
                fmt::format("{} bytes", value.value()),
                fmt::format("{} to {} bytes, what this host has", min.value(), max.value()),
                value < min ? "MEMORY_TOO_SMALL" : "MEMORY_ABOVE_HOST");
}

/// Where no swap can be used, a limit of it holds already and needs no accounting.
bool limits_swap(const Resources& resources, const os::HostFacts& host) {
  return resources.swap_limit && (host.swap_accounting || host.swap_total > Bytes{0});
}

Result<> check_swap(const Resources& resources, const os::HostFacts& host) {
  if (!limits_swap(resources, host)) return {};
  if (!host.swap_accounting) {
    return unsupported(
        "resources.limits.swap", "this kernel does not count swap", "NO_SWAP_ACCOUNTING");
  }
  // memory.memsw of v1 limits the sum.
  if (host.cgroup_mode != os::CgroupMode::kV2 && !resources.memory_limit) {
    return unsupported("resources.limits.swap",
                       "cgroup v1 limits swap only together with resources.limits.memory",
                       "SWAP_NEEDS_MEMORY_LIMIT");
  }
  return {};
}

class MemoryIsolator final : public Isolator {
 public:
  explicit MemoryIsolator(const os::HostFacts& host) : swap_accounting_(host.swap_accounting) {}

  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& host) const override {
    const Resources& resources = config.resources;
    if (resources.memory_request) {
      TRY(check_range("resources.requests.memory_bytes",
                      *resources.memory_request,
                      Bytes{1},
                      host.memory_total));
    }
    if (resources.memory_limit) {
      TRY(check_range(
          "resources.limits.memory", *resources.memory_limit, kMinMemoryLimit, host.memory_total));
    }
    if (resources.memory_request && resources.memory_limit &&
        *resources.memory_request > *resources.memory_limit) {
      return refuse("resources.requests.memory_bytes",
                    fmt::format("{} bytes", resources.memory_request->value()),
                    fmt::format("at most the limit, {} bytes", resources.memory_limit->value()),
                    "MEMORY_REQUEST_ABOVE_LIMIT");
    }
    return check_swap(resources, host);
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    const Resources& resources = context.config.resources;
    // A new group has no limits: what is absent needs no write.
    os::MemorySettings settings{
        .limit = resources.memory_limit, .reservation = resources.memory_request, .swap = {}};
    if (limits_swap(resources, context.host)) settings.swap = resources.swap_limit;
    TRY(context.cgroup.set_memory(settings));
    return nothing_to_remember(kName);
  }

  Result<> update(const ContainerConfig& config, os::Cgroup& cgroup) override {
    const Resources& resources = config.resources;
    os::MemorySettings settings{.limit = resources.memory_limit.value_or(Bytes{0}),
                                .reservation = resources.memory_request.value_or(Bytes{0}),
                                .swap = {}};
    if (swap_accounting_) settings.swap = resources.swap_limit.value_or(os::kUnlimitedSwap);
    return cgroup.set_memory(settings);
  }

 private:
  bool swap_accounting_;
};

}  // namespace

std::unique_ptr<Isolator> make_memory_isolator(const os::HostFacts& host) {
  return std::make_unique<MemoryIsolator>(host);
}

}  // namespace skerry::isolators
