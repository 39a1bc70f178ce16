#include "os/cgroup/settings.h"

#include <fmt/format.h>

namespace skerry::os {

Result<> check_cpu(const CpuSettings& settings) {
  constexpr std::uint64_t kMaxWeight = 10'000;
  constexpr MilliCpu kMinLimit{10};
  if (settings.weight && (*settings.weight < 1 || *settings.weight > kMaxWeight))
    return Error(Code::kInvalidArgument,
                 fmt::format("cpu weight {}: 1 to 10000", *settings.weight));
  if (settings.limit && settings.limit->value() != 0 && *settings.limit < kMinLimit) {
    return Error(Code::kInvalidArgument,
                 fmt::format("cpu limit of {} mCPU: at least 10", settings.limit->value()))
        .with_reason("LIMIT_TOO_SMALL");
  }
  return {};
}

Result<> check_device_rule(const DeviceRule& rule) {
  const bool is_bad = (rule.type != 'c' && rule.type != 'b') || rule.major < -1 ||
                      rule.minor < -1 || rule.major > 0xFFF || rule.minor > 0xFFFFF ||
                      rule.access.empty() ||
                      rule.access.find_first_not_of("rwm") != std::string::npos;
  if (!is_bad) return {};
  return Error(
      Code::kInvalidArgument,
      fmt::format("device rule \"{} {}:{} {}\"", rule.type, rule.major, rule.minor, rule.access));
}

}  // namespace skerry::os
