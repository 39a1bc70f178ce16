#include "isolators/capabilities/names.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "isolators/refusal.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kAll = "ALL";
constexpr std::string_view kPrefix = "CAP_";
constexpr int kHighestPossible = 63;

/// By number, capabilities(7).
constexpr std::array<std::string_view, 41> kNames = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};
static_assert(kNames[CAP_SYS_ADMIN] == "SYS_ADMIN");
static_assert(kNames[CAP_CHECKPOINT_RESTORE] == "CHECKPOINT_RESTORE");

struct Names {
  bool all = false;
  std::uint64_t set = 0;
};

Result<Names> parse_names(std::string_view field, const std::vector<std::string>& names) {
  Names parsed;
  for (const auto& name : names) {
    if (name == kAll) {
      parsed.all = true;
      continue;
    }
    const auto number = capability_number(name);
    if (!number) {
      return refuse(field,
                    fmt::format("\"{}\"", name),
                    "ALL or a name of capabilities(7) in capitals, such as NET_ADMIN",
                    "CAPABILITY_UNKNOWN");
    }
    parsed.set |= capability_bit(*number);
  }
  return parsed;
}

}  // namespace

std::optional<int> capability_number(std::string_view name) {
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  const auto* const found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<int>(found - kNames.begin());
}

std::optional<std::string_view> capability_name(int number) {
  if (number < 0 || static_cast<std::size_t>(number) >= kNames.size()) return std::nullopt;
  return kNames[static_cast<std::size_t>(number)];
}

Result<std::uint64_t> bounding_set(const ContainerConfig& config, int last_capability) {
  TRY_ASSIGN(const Names add, parse_names("capabilities.add", config.capabilities_add));
  TRY_ASSIGN(const Names drop, parse_names("capabilities.drop", config.capabilities_drop));
  if (add.all && drop.all) {
    return refuse("capabilities", "ALL in both lists", "ALL in one of them", "CAPABILITY_CONFLICT");
  }
  const std::uint64_t all = all_capabilities(last_capability);
  if ((add.set & ~all) != 0) {
    return unsupported("capabilities.add",
                       fmt::format("this kernel ends at {}",
                                   capability_name(last_capability).value_or("an unknown one")),
                       "CAPABILITY_UNSUPPORTED");
  }
  if (add.all) return all & ~drop.set;
  if (drop.all) return add.set;
  return ((kDefaultCapabilities & ~drop.set) | add.set) & all;
}

Result<int> read_last_capability() {
  constexpr const char* kPath = "/proc/sys/kernel/cap_last_cap";
  TRY_ASSIGN(const std::string text, os::read_file(kPath, 64));
  const auto number = os::parse_number(text);
  if (!number || *number > kHighestPossible) {
    return Error(Code::kInternal, fmt::format("\"{}\" holds no capability number", kPath));
  }
  return static_cast<int>(*number);
}

}  // namespace skerry::isolators
