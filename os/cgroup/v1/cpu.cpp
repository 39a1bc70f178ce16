#include <unistd.h>

#include <array>

#include "os/cgroup/settings.h"
#include "os/cgroup/v1/controllers.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os::cgroup_v1 {

// The period is left at the kernel's default, 100 ms.
Result<> set_cpu(int dir, const CpuSettings& settings) {
  TRY(check_cpu(settings));
  if (settings.weight) {
    TRY(write_value_at(dir, "cpu.shares", std::to_string(shares_of_weight(*settings.weight))));
  }
  if (settings.limit) {
    const auto quota = settings.limit->value() == 0
                           ? std::string("-1")
                           : std::to_string(quota_microseconds(*settings.limit));
    TRY(write_value_at(dir, "cpu.cfs_quota_us", quota));
  }
  return {};
}

Result<> read_cpuacct(int dir, UsageFiles& files, CgroupUsage& usage) {
  TRY_ASSIGN(const auto total, files.cpu_usage.read(dir));
  usage.cpu_nanoseconds = parse_number(total).value_or(0);
  static const std::uint64_t kTick =
      1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  TRY_ASSIGN(const auto stat, read_file_at(dir, "cpuacct.stat", 4096));
  usage.cpu_user_nanoseconds = find_keyed_number(stat, "user").value_or(0) * kTick;
  usage.cpu_system_nanoseconds = find_keyed_number(stat, "system").value_or(0) * kTick;
  return {};
}

Result<> read_throttling(int dir, CgroupUsage& usage) {
  TRY_ASSIGN(const auto stat, read_file_at(dir, "cpu.stat", 4096));
  usage.cpu_periods = find_keyed_number(stat, "nr_periods").value_or(0);
  usage.cpu_throttled_periods = find_keyed_number(stat, "nr_throttled").value_or(0);
  usage.cpu_throttled_nanoseconds = find_keyed_number(stat, "throttled_time").value_or(0);
  return {};
}

}  // namespace skerry::os::cgroup_v1
