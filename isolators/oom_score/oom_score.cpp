#include "isolators/oom_score/oom_score.h"

#include <fmt/format.h>

#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "oom_score";
/// OOM_SCORE_ADJ_MIN and _MAX of the kernel.
constexpr std::int32_t kMin = -1000;
constexpr std::int32_t kMax = 1000;

class OomScoreIsolator final : public Isolator {
 public:
  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& /*host*/) const override {
    if (config.oom_score_adj >= kMin && config.oom_score_adj <= kMax) return {};
    return refuse("oom_score_adj",
                  fmt::format("{}", config.oom_score_adj),
                  fmt::format("{} to {}", kMin, kMax),
                  "OOM_SCORE_OUT_OF_RANGE");
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    // Zero is written too: the launcher's own value, which protects it, must not be inherited.
    context.plan.add(Phase::kKernel, plan::OomScoreAdj{.value = context.config.oom_score_adj});
    return nothing_to_remember(kName);
  }

  Result<> prepare_exec(const ExecContext& context) override {
    context.plan.add(Phase::kKernel, plan::OomScoreAdj{.value = context.config.oom_score_adj});
    return {};
  }
};

}  // namespace

std::unique_ptr<Isolator> make_oom_score_isolator() { return std::make_unique<OomScoreIsolator>(); }

}  // namespace skerry::isolators
