#include "cli/render/usage.h"

#include <unistd.h>

#include <utility>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/render/human.h"

namespace skerry::cli {
namespace {
constexpr double kPercent = 100;
}  // namespace

std::string CpuMeter::percent(const std::string& key,
                              std::uint64_t life,
                              WallTime time,
                              std::uint64_t ns) {
  const Sample now{time, ns, life};
  const auto before = std::exchange(samples_[key], now);
  const bool first = before.time == WallTime() || before.life != life;
  if (first || time <= before.time || ns < before.ns) return "--";
  const auto passed = static_cast<double>((time - before.time).count());
  return fmt::format("{:.1f}%", kPercent * static_cast<double>(ns - before.ns) / passed);
}

std::string memory_cell(const v1::MemoryStats& memory) {
  const bool limited = memory.limit().limit_case() == v1::MemoryLimit::kBytes;
  return fmt::format("{} / {}",
                     human_bytes(memory.working_set_bytes()),
                     limited ? human_bytes(memory.limit().bytes()) : "unlimited");
}

std::string memory_percent(const v1::MemoryStats& memory) {
  if (memory.limit().bytes() == 0) return "--";
  return fmt::format("{:.1f}%",
                     kPercent * static_cast<double>(memory.working_set_bytes()) /
                         static_cast<double>(memory.limit().bytes()));
}

std::string pids_cell(const v1::PidsStats& pids) {
  const bool limited = pids.limit().limit_case() == v1::PidsLimit::kCount;
  return limited ? fmt::format("{} / {}", pids.current(), pids.limit().count())
                 : std::to_string(pids.current());
}

std::string traffic_cell(const google::protobuf::RepeatedPtrField<v1::InterfaceStats>& interfaces) {
  if (interfaces.empty()) return "--";
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  for (const auto& interface : interfaces) {
    received += interface.received_bytes();
    sent += interface.sent_bytes();
  }
  return fmt::format("{} / {}", human_bytes(received), human_bytes(sent));
}

LiveTable::LiveTable(bool live) : over_itself_(live && ::isatty(STDOUT_FILENO) == 1) {}

void LiveTable::draw(const std::string& text) {
  if (!over_itself_) {
    print(text);
    return;
  }
  // Home, then line by line over what is there: clearing everything first would flicker.
  std::string out = drawn_ ? "\033[H" : "\033[2J\033[H";
  drawn_ = true;
  for (const char c : text) {
    if (c == '\n') out += "\033[K";
    out += c;
  }
  print(out + "\033[J");
}

}  // namespace skerry::cli
