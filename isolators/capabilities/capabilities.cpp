#include "isolators/capabilities/capabilities.h"

#include "isolators/capabilities/names.h"
#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "capabilities";

class CapabilitiesIsolator final : public Isolator {
 public:
  explicit CapabilitiesIsolator(int last) : last_(last) {}

  std::string_view name() const override { return kName; }
  // Which user it is decides about the effective set.
  std::vector<std::string_view> after() const override { return {"process"}; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& /*host*/) const override {
    TRY(bounding_set(config, last_));
    return {};
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    TRY(add(context.plan, context.config));
    return nothing_to_remember(kName);
  }

  Result<> prepare_exec(const ExecContext& context) override {
    return add(context.plan, context.config);
  }

 private:
  Result<> add(PlanBuilder& plan, const ContainerConfig& config) const {
    TRY_ASSIGN(const std::uint64_t bounding, bounding_set(config, last_));
    // Other users than root start with none and get them from programs that carry them (sudo,
    // ping): within the bounding set. Nothing is inheritable or ambient: CVE-2022-24769.
    const std::uint64_t held = plan.user_id() == 0 ? bounding : 0;
    plan.add(Phase::kPrivileges,
             plan::Capabilities{.bounding = bounding,
                                .effective = held,
                                .permitted = held,
                                .inheritable = 0,
                                .ambient = 0});
    if (config.no_new_privs) plan.add(Phase::kPrivileges, plan::NoNewPrivs{});
    return {};
  }

  int last_;
};

}  // namespace

std::unique_ptr<Isolator> make_capabilities_isolator(int last_capability) {
  return std::make_unique<CapabilitiesIsolator>(last_capability);
}

}  // namespace skerry::isolators
