#include "cli/render/human.h"

#include <algorithm>
#include <array>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace skerry::cli {
namespace {

using std::chrono::nanoseconds;

std::string exit_code_text(const v1::ExitInfo& exit) {
  if (exit.has_code()) return std::to_string(exit.code());
  constexpr int kSignalBase = 128;
  if (exit.has_signal()) return std::to_string(kSignalBase + exit.signal());
  return "?";
}

std::string exited_text(const v1::ExitInfo& exit) {
  const std::string code = exit_code_text(exit);
  switch (exit.cause()) {
    case v1::EXIT_CAUSE_LAUNCH_FAILED:
      return fmt::format("Launch failed ({})", code);
    case v1::EXIT_CAUSE_OOM:
      return fmt::format("Exited ({}, OOM)", code);
    case v1::EXIT_CAUSE_SHIM_LOST:
      return fmt::format("Exited ({}, shim lost)", code);
    case v1::EXIT_CAUSE_HOST_REBOOT:
      return fmt::format("Exited ({}, host reboot)", code);
    case v1::EXIT_CAUSE_HOST_SHUTDOWN:
      return fmt::format("Exited ({}, host shutdown)", code);
    default:
      return fmt::format("Exited ({})", code);
  }
}

}  // namespace

std::string human_duration(nanoseconds duration) {
  struct Unit {
    std::int64_t seconds;
    // The unit is used from this many seconds on: "90 seconds" says more than "1 minute".
    std::int64_t from;
    std::string_view name;
  };
  constexpr std::array kUnits = {Unit{604800, 2LL * 604800, "week"},
                                 Unit{86400, 2LL * 86400, "day"},
                                 Unit{3600, 2LL * 3600, "hour"},
                                 Unit{60, 2LL * 60, "minute"},
                                 Unit{1, 0, "second"}};
  const std::int64_t seconds =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(duration).count());
  for (const Unit& unit : kUnits) {
    if (seconds < unit.from) continue;
    const std::int64_t count = seconds / unit.seconds;
    return fmt::format("{} {}{}", count, unit.name, count == 1 ? "" : "s");
  }
  return "0 seconds";
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  constexpr double kStep = 1024;
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= kStep && unit + 1 < kUnits.size()) {
    value /= kStep;
    ++unit;
  }
  std::string digits = fmt::format("{:.{}f}", value, value < 10 ? 2 : value < 100 ? 1 : 0);
  if (digits.find('.') != std::string::npos) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.ends_with('.')) digits.pop_back();
  }
  return digits + std::string(kUnits.at(unit));
}

std::string rfc3339(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format(
      "{:%Y-%m-%dT%H:%M:%S}.{:09}Z",
      fmt::gmtime(std::chrono::system_clock::to_time_t(
          std::chrono::time_point_cast<std::chrono::system_clock::duration>(seconds))),
      (time - seconds).count());
}

WallTime wall_time(const google::protobuf::Timestamp& stamp) {
  // What does not fit 64 bits of nanoseconds is not a time of ours.
  constexpr std::int64_t kLimit = 9'000'000'000;
  const std::int64_t seconds = std::clamp<std::int64_t>(stamp.seconds(), -kLimit, kLimit);
  return WallTime(std::chrono::seconds(seconds)) + nanoseconds(stamp.nanos());
}

void set_timestamp(WallTime time, google::protobuf::Timestamp& stamp) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  stamp.set_seconds(seconds.time_since_epoch().count());
  stamp.set_nanos(static_cast<std::int32_t>((time - seconds).count()));
}

std::string human_status(const v1::Container& container, WallTime now) {
  const auto ago = [now](const google::protobuf::Timestamp& stamp) {
    return human_duration(now - wall_time(stamp));
  };
  switch (container.state()) {
    case v1::CONTAINER_STATE_ACCEPTED:
      return "Accepted";
    case v1::CONTAINER_STATE_PREPARING:
      return "Preparing";
    case v1::CONTAINER_STATE_CREATED:
      return "Created";
    case v1::CONTAINER_STATE_STARTING:
      return "Starting";
    case v1::CONTAINER_STATE_RUNNING:
      return "Up " + ago(container.started_at());
    case v1::CONTAINER_STATE_PAUSED:
      return "Up " + ago(container.started_at()) + " (paused)";
    case v1::CONTAINER_STATE_STOPPING:
      return "Stopping";
    case v1::CONTAINER_STATE_EXITED:
      return exited_text(container.exit()) + " " + ago(container.exit().time()) + " ago";
    default:
      return "Unknown";
  }
}

Colour status_colour(const v1::Container& container) {
  switch (container.state()) {
    case v1::CONTAINER_STATE_RUNNING:
      return Colour::kGreen;
    case v1::CONTAINER_STATE_EXITED:
      return container.exit().has_code() && container.exit().code() == 0 ? Colour::kNone
                                                                         : Colour::kRed;
    default:
      return Colour::kYellow;
  }
}

std::string ports_text(const google::protobuf::RepeatedPtrField<v1::PublishedPort>& ports) {
  std::string text;
  for (const auto& port : ports) {
    if (port.state() == v1::PORT_STATE_RELEASED) continue;
    const auto& mapping = port.mapping();
    const bool v6 = mapping.host_ip().find(':') != std::string::npos;
    const std::string ip = mapping.host_ip().empty() ? "0.0.0.0" : mapping.host_ip();
    text += fmt::format("{}{}:{}->{}/{}",
                        text.empty() ? "" : ", ",
                        v6 ? "[" + ip + "]" : ip,
                        mapping.host_port(),
                        mapping.container_port(),
                        mapping.protocol() == v1::PORT_PROTOCOL_UDP ? "udp" : "tcp");
  }
  return text;
}

std::string addresses_text(
    const google::protobuf::RepeatedPtrField<v1::AttachedNetwork>& networks) {
  std::string text;
  for (const auto& network : networks) {
    if (network.state() == v1::ATTACHMENT_STATE_DETACHED) continue;
    for (const std::string& address : network.addresses()) {
      text += (text.empty() ? "" : ", ") + address.substr(0, address.find('/'));
    }
  }
  return text;
}

std::string short_uid(std::string_view uid, bool no_trunc) {
  constexpr std::size_t kShort = 12;
  return std::string(no_trunc ? uid : uid.substr(0, kShort));
}

const std::string& display_name(const v1::Container& container) {
  return container.name().empty() ? container.id() : container.name();
}

std::string printable(std::string_view text) {
  constexpr unsigned char kDelete = 0x7f;
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == kDelete) c = '?';
  }
  return out;
}

}  // namespace skerry::cli
