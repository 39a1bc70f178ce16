#include <fcntl.h>

#include <cerrno>

#include <fmt/format.h>

#include "os/cgroup/v2/controllers.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os::cgroup_v2 {
namespace {

// A memory.max below the use makes the kernel kill; memory.high makes it reclaim, inside the write.
Result<> reclaim_below(int dir, Bytes limit) {
  TRY_ASSIGN(auto current, read_number_at(dir, "memory.current"));
  if (current <= limit.value()) return {};
  TRY_ASSIGN(const auto high, read_file_at(dir, "memory.high", 64));
  TRY(write_value_at(dir, "memory.high", std::to_string(limit.value())));
  auto after = read_number_at(dir, "memory.current");
  TRY(write_value_at(dir, "memory.high", high));
  TRY_ASSIGN(current, std::move(after));
  if (current > limit.value()) {
    return Error(
        Code::kResourceExhausted,
        fmt::format("memory use of {} bytes cannot be brought below {}", current, limit.value()));
  }
  return {};
}

Result<> set_limit(int dir, Bytes limit) {
  if (limit.value() == 0) return write_value_at(dir, "memory.max", "max");
  TRY(reclaim_below(dir, limit));
  return write_value_at(dir, "memory.max", std::to_string(limit.value()));
}

Result<> set_swap(int dir, Bytes swap) {
  const auto value = swap == kUnlimitedSwap ? std::string("max") : std::to_string(swap.value());
  auto written = write_value_at(dir, "memory.swap.max", value);
  if (written || written.error().code() != Code::kNotFound) return written;
  return Error(Code::kFailedPrecondition, "kernel has no swap accounting");
}

std::uint64_t number_or_zero(int dir, const char* name) {
  return read_number_at(dir, name).value_or(0);
}

}  // namespace

Result<> set_memory(int dir, const MemorySettings& settings) {
  if (settings.limit) TRY(set_limit(dir, *settings.limit));
  if (settings.reservation)
    TRY(write_value_at(dir, "memory.low", std::to_string(settings.reservation->value())));
  if (settings.swap) TRY(set_swap(dir, *settings.swap));
  return {};
}

Result<std::uint64_t> oom_kills(int dir) {
  TRY_ASSIGN(const auto text, read_file_at(dir, "memory.events", 4096));
  return find_keyed_number(text, "oom_kill").value_or(0);
}

Result<UniqueFd> open_oom_events(int dir) {
  UniqueFd events(::openat(dir, "memory.events", O_RDONLY | O_CLOEXEC));
  if (events) return events;
  return Error::from_errno(errno, "open \"memory.events\"").with_code(Code::kFailedPrecondition);
}

Result<> read_memory_usage(int dir, UsageFiles& files, CgroupUsage& usage) {
  const auto current = files.memory_current.read(dir);
  if (!current) return {};
  TRY_ASSIGN(const auto stat, files.memory_stat.read(dir));
  const auto inactive = find_keyed_number(stat, "inactive_file").value_or(0);
  const auto used = parse_number(*current).value_or(0);
  usage.memory_current = Bytes{used};
  usage.memory_working_set = Bytes{used > inactive ? used - inactive : 0};
  usage.memory_anonymous = Bytes{find_keyed_number(stat, "anon").value_or(0)};
  usage.memory_file = Bytes{find_keyed_number(stat, "file").value_or(0)};
  // Since 5.19; swap only with CONFIG_SWAP.
  usage.memory_peak = Bytes{number_or_zero(dir, "memory.peak")};
  usage.swap_current = Bytes{number_or_zero(dir, "memory.swap.current")};
  TRY_ASSIGN(usage.oom_kills, oom_kills(dir));
  return {};
}

}  // namespace skerry::os::cgroup_v2
