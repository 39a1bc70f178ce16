#include <fmt/format.h>

#include "os/cgroup/settings.h"
#include "os/cgroup/v2/controllers.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os::cgroup_v2 {

Result<> set_cpu(int dir, const CpuSettings& settings) {
  TRY(check_cpu(settings));
  if (settings.weight) TRY(write_value_at(dir, "cpu.weight", std::to_string(*settings.weight)));
  if (settings.limit) {
    const auto quota = settings.limit->value() == 0
                           ? std::string("max")
                           : std::to_string(quota_microseconds(*settings.limit));
    TRY(write_value_at(dir, "cpu.max", fmt::format("{} {}", quota, kCpuPeriodMicroseconds)));
  }
  return {};
}

Result<> read_cpu_usage(int dir, UsageFiles& files, CgroupUsage& usage) {
  constexpr std::uint64_t kNanosecondsPerMicrosecond = 1000;
  TRY_ASSIGN(const auto text, files.cpu_stat.read(dir));
  const auto microseconds = [&](std::string_view key) {
    return find_keyed_number(text, key).value_or(0) * kNanosecondsPerMicrosecond;
  };
  usage.cpu_nanoseconds = microseconds("usage_usec");
  usage.cpu_user_nanoseconds = microseconds("user_usec");
  usage.cpu_system_nanoseconds = microseconds("system_usec");
  usage.cpu_periods = find_keyed_number(text, "nr_periods").value_or(0);
  usage.cpu_throttled_periods = find_keyed_number(text, "nr_throttled").value_or(0);
  usage.cpu_throttled_nanoseconds = microseconds("throttled_usec");
  return {};
}

}  // namespace skerry::os::cgroup_v2
