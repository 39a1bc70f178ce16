#include <vector>

#include "isolators/cgroup/cgroup.h"
#include "isolators/filesystem/dev.h"
#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "cgroup/devices";
constexpr std::int64_t kAny = -1;
constexpr std::int64_t kPtmxMajor = 5;
constexpr std::int64_t kPtmxMinor = 2;
constexpr std::int64_t kPtsMajor = 136;

std::vector<os::DeviceRule> default_rules() {
  // A node alone does nothing: opening it is what is refused. So tar and package managers may make
  // any, as they may under Docker.
  std::vector<os::DeviceRule> rules = {
      {.type = 'c', .major = kAny, .minor = kAny, .access = "m"},
      {.type = 'b', .major = kAny, .minor = kAny, .access = "m"},
  };
  for (const DeviceNode& node : default_devices()) {
    rules.push_back({.type = 'c', .major = node.major, .minor = node.minor, .access = "rwm"});
  }
  rules.push_back({.type = 'c', .major = kPtmxMajor, .minor = kPtmxMinor, .access = "rwm"});
  rules.push_back({.type = 'c', .major = kPtsMajor, .minor = kAny, .access = "rwm"});
  return rules;
}

class DevicesIsolator final : public Isolator {
 public:
  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& /*config*/,
                    const os::HostFacts& /*host*/) const override {
    return {};
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    TRY(context.cgroup.set_devices(default_rules()));
    return nothing_to_remember(kName);
  }
};

}  // namespace

std::unique_ptr<Isolator> make_devices_isolator() { return std::make_unique<DevicesIsolator>(); }

}  // namespace skerry::isolators
