#include "agent/scope/scope.h"

#include <chrono>
#include <memory>
#include <thread>

#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "os/path.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kUnitDeadline = 10s;
constexpr auto kUnitPoll = 5ms;
constexpr const char* kSlice = "skerry.slice";
// The scope is stopped when the host goes down. What is ours in it ignores SIGTERM, so this is how
// long that takes, and what containers get between SIGTERM and SIGKILL.
constexpr std::uint64_t kStopMicroseconds = 10'000'000;

std::string unit_stem(const std::string& name) {
  return name == "skerry" ? name : "skerry-" + name;
}

bool under_systemd() { return ::sd_booted() > 0; }

struct BusCloser {
  void operator()(sd_bus* bus) const { ::sd_bus_flush_close_unref(bus); }
};
using Bus = std::unique_ptr<sd_bus, BusCloser>;

Error bus_error(int result, std::string_view what) {
  return Error::from_errno(-result, what).with_code(Code::kUnavailable).as_retryable();
}

enum class UnitStart : std::uint8_t { kStarted, kExists };

// org.freedesktop.systemd1.Manager.StartTransientUnit(name, mode, properties, aux), see
// org.freedesktop.systemd1(5).
Result<UnitStart> start_scope_unit(const std::string& unit, pid_t holder) {
  sd_bus* raw = nullptr;
  int result = ::sd_bus_open_system(&raw);
  if (result < 0) return bus_error(result, "connect to the system bus");
  const Bus bus(raw);
  sd_bus_error error = SD_BUS_ERROR_NULL;
  result = ::sd_bus_call_method(bus.get(),
                                "org.freedesktop.systemd1",
                                "/org/freedesktop/systemd1",
                                "org.freedesktop.systemd1.Manager",
                                "StartTransientUnit",
                                &error,
                                nullptr,
                                "ssa(sv)a(sa(sv))",
                                unit.c_str(),
                                "replace",
                                7,
                                "Description",
                                "s",
                                "Skerry containers",
                                "Slice",
                                "s",
                                kSlice,
                                "Delegate",
                                "b",
                                1,
                                "TasksMax",
                                "t",
                                UINT64_MAX,
                                "TimeoutStopUSec",
                                "t",
                                kStopMicroseconds,
                                "CollectMode",
                                "s",
                                "inactive-or-failed",
                                "PIDs",
                                "au",
                                1,
                                static_cast<std::uint32_t>(holder),
                                0);
  if (result >= 0) return UnitStart::kStarted;
  const bool exists = ::sd_bus_error_has_name(&error, "org.freedesktop.systemd1.UnitExists") > 0;
  const std::string message = error.message != nullptr ? error.message : "";
  ::sd_bus_error_free(&error);
  if (exists) return UnitStart::kExists;
  return bus_error(result, "start the unit \"" + unit + "\" (" + message + ")");
}

// The call answers when the job is queued; the process moves a moment later.
Result<> await_move(pid_t holder, const std::string& unit) {
  const auto deadline = std::chrono::steady_clock::now() + kUnitDeadline;
  while (std::chrono::steady_clock::now() < deadline) {
    constexpr std::size_t kMaxBytes = 64UL * 1024;
    const auto text = os::read_file("/proc/" + std::to_string(holder) + "/cgroup", kMaxBytes);
    if (!text) return text.error();
    if (text->find("/" + unit) != std::string::npos) return {};
    std::this_thread::sleep_for(kUnitPoll);
  }
  return Error(Code::kUnavailable, "systemd did not move the holder into \"" + unit + "\" in time");
}

bool is_populated(os::CgroupManager& cgroups, const os::CgroupPath& scope) {
  const auto group = cgroups.open(scope);
  if (!group) return false;
  const auto populated = (*group)->populated();
  return populated && *populated;
}

// A scope outlives a holder that was killed, for as long as it has containers: the new one joins
// what is there. An empty one is about to go, and is made anew then.
Result<> enter_scope_unit(os::CgroupManager& cgroups,
                          const os::CgroupPath& scope,
                          const std::string& unit,
                          pid_t holder) {
  const auto deadline = std::chrono::steady_clock::now() + kUnitDeadline;
  while (std::chrono::steady_clock::now() < deadline) {
    TRY_ASSIGN(const UnitStart start, start_scope_unit(unit, holder));
    if (start == UnitStart::kStarted) return await_move(holder, unit);
    if (is_populated(cgroups, scope)) return {};
    std::this_thread::sleep_for(kUnitPoll);
  }
  return Error(Code::kUnavailable, "the unit \"" + unit + "\" is there, empty, and does not go")
      .as_retryable();
}

}  // namespace

os::CgroupPath scope_path(const std::string& name) {
  if (!under_systemd()) return unit_stem(name);
  return std::string(kSlice) + "/" + unit_stem(name) + ".scope";
}

Result<> prepare_scope(os::CgroupManager& cgroups, const os::CgroupPath& scope) {
  TRY(cgroups.make_branch(scope));
  TRY(cgroups.make_branch(scope + "/plugins"));
  TRY(cgroups.make_leaf(scope + "/helpers"));
  TRY(cgroups.make_leaf(scope + "/shims"));
  return {};
}

Result<> adopt_holder(os::CgroupManager& cgroups, const std::string& name, pid_t holder) {
  const os::CgroupPath scope = scope_path(name);
  if (under_systemd()) {
    TRY(enter_scope_unit(cgroups, scope, unit_stem(name) + ".scope", holder));
  }
  // The holder leaves the scope's own group before that gets controllers for its children: v2
  // allows processes or children with controllers, not both.
  TRY(cgroups.make_leaf(scope + "/shims"));
  TRY(cgroups.attach(scope + "/shims", holder));
  return prepare_scope(cgroups, scope);
}

}  // namespace skerry::agent
