#include <fcntl.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <limits>

#include <fmt/format.h>

#include "os/cgroup/v1/controllers.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os::cgroup_v1 {
namespace {

constexpr const char* kLimit = "memory.limit_in_bytes";
constexpr const char* kMemsw = "memory.memsw.limit_in_bytes";
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

/// v1 says "unlimited" with the largest number of whole pages a long can hold.
std::uint64_t from_kernel(std::uint64_t value) {
  constexpr std::uint64_t kNearlyMax = 1ULL << 62U;
  return value >= kNearlyMax ? kUnlimited : value;
}

Result<> write_limit(int dir, const char* name, std::uint64_t value) {
  auto written = write_value_at(dir, name, value == kUnlimited ? "-1" : std::to_string(value));
  // EBUSY: the kernel reclaimed what it could, and the use is still above.
  if (!written && written.error().sys_errno() == EBUSY)
    return std::move(written).error().with_code(Code::kResourceExhausted);
  return written;
}

struct Limits {
  std::uint64_t memory;
  std::uint64_t memsw;
};

// memsw counts memory and swap together and must never be below the memory limit, so the order
// depends on the direction.
Result<> write_both(int dir, const Limits& old, const Limits& wanted) {
  if (wanted.memsw > old.memsw) {
    TRY(write_limit(dir, kMemsw, wanted.memsw));
    return write_limit(dir, kLimit, wanted.memory);
  }
  if (wanted.memory != old.memory) TRY(write_limit(dir, kLimit, wanted.memory));
  if (wanted.memsw == old.memsw) return {};
  return write_limit(dir, kMemsw, wanted.memsw);
}

std::uint64_t add_swap(std::uint64_t memory, std::uint64_t swap) {
  return memory == kUnlimited || swap > kUnlimited - memory ? kUnlimited : memory + swap;
}

Result<> set_with_swap(int dir, const MemorySettings& settings) {
  Limits old{};
  TRY_ASSIGN(old.memory, read_number_at(dir, kLimit));
  TRY_ASSIGN(old.memsw, read_number_at(dir, kMemsw));
  old = {.memory = from_kernel(old.memory), .memsw = from_kernel(old.memsw)};
  Limits wanted = old;
  if (settings.limit)
    wanted.memory = settings.limit->value() == 0 ? kUnlimited : settings.limit->value();
  // What was allowed on top stays allowed on top.
  const auto swap = settings.swap             ? settings.swap->value()
                    : old.memsw == kUnlimited ? kUnlimited
                                              : old.memsw - old.memory;
  wanted.memsw = add_swap(wanted.memory, swap);
  return write_both(dir, old, wanted);
}

}  // namespace

Result<> set_memory(int dir, const MemorySettings& settings, bool swap_accounting) {
  if (settings.swap && !swap_accounting)
    return Error(Code::kFailedPrecondition, "kernel has no swap accounting");
  if (swap_accounting && (settings.limit || settings.swap)) {
    TRY(set_with_swap(dir, settings));
  } else if (settings.limit) {
    const auto value = settings.limit->value();
    TRY(write_limit(dir, kLimit, value == 0 ? kUnlimited : value));
  }
  if (settings.reservation) {
    // Zero protects nothing, which v1 spells as no soft limit.
    const auto value = settings.reservation->value();
    TRY(write_limit(dir, "memory.soft_limit_in_bytes", value == 0 ? kUnlimited : value));
  }
  return {};
}

Result<std::uint64_t> oom_kills(int dir) {
  TRY_ASSIGN(const auto text, read_file_at(dir, "memory.oom_control", 4096));
  return find_keyed_number(text, "oom_kill").value_or(0);
}

Result<UniqueFd> open_oom_events(int dir) {
  UniqueFd events(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!events) return Error::from_errno(errno, "eventfd");
  const UniqueFd control(::openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC));
  if (!control) return Error::from_errno(errno, "open \"memory.oom_control\"");
  auto registered = write_value_at(
      dir, "cgroup.event_control", fmt::format("{} {}", events.get(), control.get()));
  if (registered) return events;
  return std::move(registered).error().with_code(Code::kFailedPrecondition);
}

Result<> read_memory_usage(int dir, UsageFiles& files, CgroupUsage& usage) {
  TRY_ASSIGN(const auto current, files.memory_usage.read(dir));
  TRY_ASSIGN(const auto stat, files.memory_stat.read(dir));
  const auto used = parse_number(current).value_or(0);
  const auto inactive = find_keyed_number(stat, "total_inactive_file").value_or(0);
  usage.memory_current = Bytes{used};
  usage.memory_working_set = Bytes{used > inactive ? used - inactive : 0};
  usage.memory_anonymous = Bytes{find_keyed_number(stat, "total_rss").value_or(0)};
  usage.memory_file = Bytes{find_keyed_number(stat, "total_cache").value_or(0)};
  usage.swap_current = Bytes{find_keyed_number(stat, "total_swap").value_or(0)};
  TRY_ASSIGN(const auto peak, read_number_at(dir, "memory.max_usage_in_bytes"));
  usage.memory_peak = Bytes{peak};
  TRY_ASSIGN(usage.oom_kills, oom_kills(dir));
  return {};
}

}  // namespace skerry::os::cgroup_v1
