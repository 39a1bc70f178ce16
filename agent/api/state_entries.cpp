#include "agent/api/state_entries.h"

#include <algorithm>

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

namespace skerry::agent {
namespace {

using google::protobuf::util::TimeUtil;
using skerry::v1::GetStateResponse;

void add(GetStateResponse& out, std::string_view section, std::string_view key, std::string value) {
  skerry::v1::StateEntry& entry = *out.add_entries();
  entry.set_section(std::string(section));
  entry.set_key(std::string(key));
  entry.set_value(std::move(value));
}

std::string yes_or_no(bool value) { return value ? "yes" : "no"; }

// Checkpoints are an isolator's own bytes, and the API's strings hold UTF-8.
std::string printable(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x20 && code < 0x7F && c != '\\') {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", code);
    }
  }
  return out;
}

std::string time_text(WallTime time) { return TimeUtil::ToString(to_timestamp(time)); }

}  // namespace

void add_record_entries(const Record& record, GetStateResponse& out) {
  add(out, "record", "ordinal", std::to_string(record.ordinal()));
  add(out, "record", "boot_id", record.boot_id());
  add(out, "record", "start_ticks", std::to_string(record.start_ticks()));
  add(out, "record", "hold", yes_or_no(record.hold()));
  add(out, "record", "stop_requested", yes_or_no(record.stop_requested()));
  add(out, "record", "error_code", std::to_string(record.error_code()));
  add(out, "record", "spec_received", fmt::format("{} bytes", record.spec_received().size()));
  for (const auto& checkpoint : record.checkpoints()) {
    add(out,
        "checkpoint",
        checkpoint.isolator(),
        fmt::format("version {}: {}", checkpoint.version(), printable(checkpoint.bytes())));
  }
  add(out, "shim", "pid", std::to_string(record.shim_pid()));
}

void add_memory_entries(const Container& container, GetStateResponse& out) {
  add(out, "memory", "state", std::string(state_name(container.state())));
  add(out, "memory", "launch_in_flight", yes_or_no(container.launch != nullptr));
  add(out, "memory", "cgroup_held", yes_or_no(container.cgroup != nullptr));
  add(out, "memory", "shim_connected", yes_or_no(container.shim != nullptr));
  add(out, "memory", "exit_pending", yes_or_no(container.pending_exit.has_value()));
  add(out, "memory", "log_complete", yes_or_no(container.log_complete));
  add(out, "memory", "releasing", yes_or_no(container.releasing));
  add(out, "memory", "removing", yes_or_no(container.removing));
  add(out, "memory", "log_readers", std::to_string(container.log_readers));
  add(out, "memory", "waiters", std::to_string(container.waiters.size()));
  add(out, "memory", "unsaved_events", std::to_string(container.unsaved.size()));
}

void add_journal_entries(const std::vector<operations::OperationInfo>& operations,
                         const std::string& uid,
                         GetStateResponse& out) {
  for (const operations::OperationInfo& info : operations) {
    if (info.object != uid) continue;
    add(out,
        "journal",
        info.operation,
        fmt::format("step {} since {}{}",
                    info.step,
                    time_text(info.step_since),
                    info.cancelled ? ", cancelled" : ""));
  }
}

void add_debt_entries(const std::vector<store::DebtRow>& debts,
                      const std::string& uid,
                      GetStateResponse& out) {
  for (const store::DebtRow& row : debts) {
    if (row.object != uid) continue;
    add(out,
        "debt",
        row.kind + " " + row.key,
        fmt::format("{} tries since {}: {}", row.attempts, time_text(row.created), row.last_error));
  }
}

void add_exit_entries(const Result<std::optional<logs::ExitRecord>>& exit, GetStateResponse& out) {
  constexpr std::string_view kSection = "exit record";
  if (!exit) return add(out, kSection, "error", exit.error().message());
  if (!*exit) return add(out, kSection, "written", "no");
  const logs::ExitRecord& record = **exit;
  add(out, kSection, "written", "yes");
  add(out, kSection, "status", fmt::format("{:#06x}", record.status));
  add(out, kSection, "time", time_text(WallTime(std::chrono::nanoseconds(record.time_ns))));
  add(out, kSection, "log_dropped", std::to_string(record.log_dropped));
}

}  // namespace skerry::agent
