#include "agent/networks/interface_stats.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::agent {
namespace {

constexpr std::size_t kMaxText = 1024UL * 1024;
/// Eight of each direction; proc_pid_net(5).
constexpr std::size_t kColumns = 16;

std::optional<InterfaceCounters> parse_line(std::string_view line) {
  const std::size_t colon = line.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto name = os::split(line.substr(0, colon), ' ');
  const auto fields = os::split(line.substr(colon + 1), ' ');
  if (name.size() != 1 || fields.size() < kColumns) return std::nullopt;
  std::array<std::uint64_t, kColumns> numbers{};
  for (std::size_t i = 0; i < kColumns; ++i) {
    const auto number = os::parse_number(fields[i]);
    if (!number) return std::nullopt;
    numbers.at(i) = *number;
  }
  return InterfaceCounters{.name = std::string(name.front()),
                           .received_bytes = numbers[0],
                           .received_packets = numbers[1],
                           .received_errors = numbers[2],
                           .received_dropped = numbers[3],
                           .sent_bytes = numbers[8],
                           .sent_packets = numbers[9],
                           .sent_errors = numbers[10],
                           .sent_dropped = numbers[11]};
}

}  // namespace

std::vector<InterfaceCounters> parse_net_dev(std::string_view text) {
  std::vector<InterfaceCounters> out;
  for (const std::string_view line : os::split(text, '\n')) {
    auto counters = parse_line(line);
    if (counters && counters->name != "lo") out.push_back(std::move(*counters));
  }
  return out;
}

Result<std::vector<InterfaceCounters>> read_interfaces(pid_t pid) {
  TRY_ASSIGN(const std::string text, os::read_file(fmt::format("/proc/{}/net/dev", pid), kMaxText));
  return parse_net_dev(text);
}

// A thread of its own, which is never used for anything else again.
Result<std::vector<InterfaceCounters>> read_interfaces_of(int net_namespace) {
  Result<std::string> text = Error(Code::kInternal, "not done");
  std::thread reader([&] {
    if (::setns(net_namespace, CLONE_NEWNET) != 0) {
      text = Error::from_errno(errno, "enter a network namespace");
    } else {
      text = os::read_file("/proc/thread-self/net/dev", kMaxText);
    }
  });
  reader.join();
  if (!text) return std::move(text).error();
  return parse_net_dev(*text);
}

}  // namespace skerry::agent
