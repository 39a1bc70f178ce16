#include <fmt/format.h>

#include "isolators/cgroup/cgroup.h"
#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "cgroup/pids";

class PidsIsolator final : public Isolator {
 public:
  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& /*host*/) const override {
    const auto& limit = config.resources.pids_limit;
    if (limit && (*limit < 1 || *limit > kMaxPids)) {
      return refuse("resources.limits.pids",
                    fmt::format("{}", *limit),
                    fmt::format("1 to {}", kMaxPids),
                    "PIDS_OUT_OF_RANGE");
    }
    return {};
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    if (const auto& limit = context.config.resources.pids_limit) {
      TRY(context.cgroup.set_pids_max(*limit));
    }
    return nothing_to_remember(kName);
  }

  Result<> update(const ContainerConfig& config, os::Cgroup& cgroup) override {
    return cgroup.set_pids_max(config.resources.pids_limit.value_or(0));
  }
};

}  // namespace

std::unique_ptr<Isolator> make_pids_isolator() { return std::make_unique<PidsIsolator>(); }

}  // namespace skerry::isolators
