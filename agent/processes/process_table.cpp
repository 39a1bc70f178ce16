#include "agent/processes/process_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "agent/processes/printable.h"
#include "base/ids.h"
#include "isolators/process/process.h"
#include "isolators/process/user_database.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::agent {
namespace {

constexpr std::size_t kMaxCommandLine = 4096;
constexpr std::size_t kMaxFile = 64UL * 1024;
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

// proc(5): fields of stat after the name, counted from the state, which is the third of all.
enum StatField : std::size_t {
  kState = 0,
  kParent = 1,
  kUserTime = 11,
  kSystemTime = 12,
  kThreads = 17,
  kStartTime = 19,
  kResident = 21,
};

std::uint64_t number(const std::vector<std::string_view>& fields, StatField field) {
  return fields.size() > field ? os::parse_number(fields[field]).value_or(0) : 0;
}

// The value of a line "Key:\tvalue …" of status(5).
std::string_view status_value(std::string_view status, std::string_view key) {
  std::size_t at = 0;
  while (at < status.size()) {
    const std::size_t end = std::min(status.find('\n', at), status.size());
    const std::string_view line = status.substr(at, end - at);
    if (line.starts_with(key)) return line.substr(key.size());
    at = end + 1;
  }
  return {};
}

std::uint32_t inner_pid(std::string_view status) {
  const auto numbers = os::split(status_value(status, "NSpid:\t"), '\t');
  // Outermost first; a single one is ours.
  if (numbers.size() < 2) return 0;
  return static_cast<std::uint32_t>(os::parse_number(numbers.back()).value_or(0));
}

// ".../x-<uid>" in any hierarchy.
std::string exec_uid(std::string_view cgroup) {
  constexpr std::string_view kLeaf = "/x-";
  constexpr std::size_t kUidLength = 32;
  for (std::size_t at = cgroup.find(kLeaf); at != std::string_view::npos;
       at = cgroup.find(kLeaf, at + 1)) {
    const auto uid = Uid::parse(cgroup.substr(at + kLeaf.size(), kUidLength));
    if (uid) return uid->str();
  }
  return {};
}

std::optional<ProcessFiles> read_files(pid_t pid) {
  // The directory is of this very process: once that has gone its files cannot be read.
  const auto directory = os::open_dir("/proc/" + std::to_string(pid));
  if (!directory) return std::nullopt;
  auto stat = os::read_file_at(directory->get(), "stat", kMaxFile);
  auto status = os::read_file_at(directory->get(), "status", kMaxFile);
  auto cgroup = os::read_file_at(directory->get(), "cgroup", kMaxFile);
  if (!stat || !status || !cgroup) return std::nullopt;
  ProcessFiles files{.stat = std::move(*stat),
                     .status = std::move(*status),
                     .command_line = std::string(kMaxCommandLine, '\0'),
                     .cgroup = std::move(*cgroup)};
  // Up to 2 MiB long, of which the beginning will do.
  const UniqueFd file(::openat(directory->get(), "cmdline", O_RDONLY | O_CLOEXEC));
  const ssize_t length =
      file ? ::read(file.get(), files.command_line.data(), files.command_line.size()) : 0;
  files.command_line.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  return files;
}

}  // namespace

KernelUnits kernel_units() {
  return {.ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)),
          .page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

std::optional<ProcessEntry> parse_process(const ProcessFiles& files, const KernelUnits& units) {
  const auto stat = os::parse_process_stat(files.stat);
  const std::size_t name_end = files.stat.rfind(')');
  if (!stat || name_end == std::string::npos) return std::nullopt;
  std::string_view rest(files.stat);
  rest.remove_prefix(name_end + 1);
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  const auto fields = os::split(rest, ' ');
  const auto ticks = [&units](std::uint64_t count) {
    const std::uint64_t second = units.ticks_per_second;
    return std::chrono::nanoseconds(count / second * kNanosecondsPerSecond +
                                    count % second * kNanosecondsPerSecond / second);
  };
  ProcessEntry out;
  out.pid = static_cast<std::uint32_t>(stat->pid);
  out.parent_pid = static_cast<std::uint32_t>(stat->parent);
  out.state = stat->state;
  out.threads = static_cast<std::uint32_t>(number(fields, kThreads));
  out.cpu = ticks(number(fields, kUserTime) + number(fields, kSystemTime));
  out.resident_bytes = number(fields, kResident) * units.page_bytes;
  out.since_boot = ticks(number(fields, kStartTime));
  out.inner_pid = inner_pid(files.status);
  const auto users = os::split(status_value(files.status, "Uid:\t"), '\t');
  // Real, effective, saved, file system: the second is what it may do.
  if (users.size() > 1) {
    out.user_id = static_cast<std::uint32_t>(os::parse_number(users[1]).value_or(0));
  }
  out.command_line = files.command_line.empty() ? "[" + printable(stat->name, '?') + "]"
                                                : printable(files.command_line, ' ');
  out.exec_uid = exec_uid(files.cgroup);
  return out;
}

std::vector<ProcessEntry> read_processes(const std::vector<pid_t>& pids, std::string_view uid) {
  const KernelUnits units = kernel_units();
  std::vector<ProcessEntry> out;
  for (const pid_t pid : pids) {
    const auto files = read_files(pid);
    // A number that was given to somebody else meanwhile is in another group.
    if (!files || files->cgroup.find(uid) == std::string::npos) continue;
    auto entry = parse_process(*files, units);
    if (entry) out.push_back(std::move(*entry));
  }
  std::ranges::sort(out, {}, &ProcessEntry::pid);
  return out;
}

std::map<std::uint32_t, std::string> user_names(int root) {
  std::map<std::uint32_t, std::string> names;
  const auto passwd = isolators::read_user_database(root, "etc/passwd");
  if (!passwd) return names;
  // The first of a number is the one that counts.
  for (const isolators::PasswdEntry& entry : isolators::parse_passwd(*passwd)) {
    names.try_emplace(entry.uid, printable(entry.name, '?'));
  }
  return names;
}

}  // namespace skerry::agent
