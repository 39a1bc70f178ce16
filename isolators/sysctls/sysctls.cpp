#include "isolators/sysctls/sysctls.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "sysctls";
constexpr std::size_t kMaxKey = 256;
constexpr std::size_t kMaxValue = 4095;
constexpr std::string_view kAllowed =
    "kernel.shm*, kernel.msg*, kernel.sem, kernel.domainname, fs.mqueue.*, net.* (with its own "
    "network)";

/// By ipc and uts namespace, as paths below /proc/sys.
constexpr std::array<std::string_view, 9> kNamespaced = {
    "kernel/shmmax",
    "kernel/shmall",
    "kernel/shmmni",
    "kernel/shm_rmid_forced",
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/domainname",
};

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '/' || c == ':' || c == '@';
}

bool is_clean(std::string_view path) {
  if (path.empty() || path.size() > kMaxKey || !std::ranges::all_of(path, is_key_char)) {
    return false;
  }
  std::size_t start = 0;
  while (start <= path.size()) {
    const auto end = std::min(path.find('/', start), path.size());
    const auto name = path.substr(start, end - start);
    if (name.empty() || name == "." || name == "..") return false;
    start = end + 1;
  }
  return true;
}

bool is_allowed(std::string_view path, NetworkMode network) {
  if (path.starts_with("net/")) return network != NetworkMode::kHost;
  return path.starts_with("fs/mqueue/") ||
         std::ranges::find(kNamespaced, path) != kNamespaced.end();
}

Result<> check(const std::string& key, const std::string& value, NetworkMode network) {
  const std::string path = sysctl_path(key);
  if (!is_clean(path)) {
    return refuse("sysctls", fmt::format("key \"{}\"", key), kAllowed, "SYSCTL_INVALID");
  }
  if (path == "kernel/hostname") {
    return refuse("sysctls", "kernel.hostname", "to set the field hostname", "SYSCTL_INVALID");
  }
  if (!is_allowed(path, network)) {
    return refuse("sysctls", fmt::format("\"{}\"", key), kAllowed, "SYSCTL_NOT_NAMESPACED");
  }
  if (value.size() > kMaxValue || value.find('\0') != std::string::npos ||
      value.find('\n') != std::string::npos) {
    return refuse(fmt::format("sysctls[\"{}\"]", key),
                  fmt::format("\"{}\"", value),
                  "one line of at most 4095 bytes",
                  "SYSCTL_INVALID");
  }
  return {};
}

class SysctlsIsolator final : public Isolator {
 public:
  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& /*host*/) const override {
    for (const auto& [key, value] : config.sysctls) TRY(check(key, value, config.network));
    return {};
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    for (const auto& [key, value] : context.config.sysctls) {
      context.plan.add(Phase::kKernel, plan::Sysctl{.key = sysctl_path(key), .value = value});
    }
    return nothing_to_remember(kName);
  }
};

}  // namespace

std::string sysctl_path(std::string_view key) {
  std::string path(key);
  const auto first = path.find_first_of("./");
  if (first == std::string::npos || path[first] == '/') return path;
  for (char& c : path) {
    if (c == '.') {
      c = '/';
    } else if (c == '/') {
      c = '.';
    }
  }
  return path;
}

std::unique_ptr<Isolator> make_sysctls_isolator() { return std::make_unique<SysctlsIsolator>(); }

}  // namespace skerry::isolators
