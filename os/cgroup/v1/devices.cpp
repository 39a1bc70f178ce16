#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>

#include <fmt/format.h>

#include "os/cgroup/settings.h"
#include "os/cgroup/v1/controllers.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os::cgroup_v1 {
namespace {

std::string number_or_any(std::int64_t number) { return number < 0 ? "*" : std::to_string(number); }

// As the kernel prints rules: letters in the order rwm, each once.
std::string rule_text(const DeviceRule& rule) {
  std::string access;
  for (const char letter : {'r', 'w', 'm'}) {
    if (rule.access.find(letter) != std::string::npos) access.push_back(letter);
  }
  return fmt::format(
      "{} {}:{} {}", rule.type, number_or_any(rule.major), number_or_any(rule.minor), access);
}

/// Writes rule after rule, of which the kernel takes one a write, through one descriptor.
Result<> write_rules(int dir, const char* name, const std::set<std::string>& rules) {
  if (rules.empty()) return {};
  const UniqueFd fd(::openat(dir, name, O_WRONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, fmt::format("open \"{}\"", name));
  for (const auto& rule : rules) {
    if (::write(fd.get(), rule.data(), rule.size()) < 0)
      return Error::from_errno(errno, fmt::format("write \"{}\" to \"{}\"", rule, name));
  }
  return {};
}

std::set<std::string> difference(const std::set<std::string>& from,
                                 const std::set<std::string>& without) {
  std::set<std::string> out;
  std::ranges::set_difference(from, without, std::inserter(out, out.end()));
  return out;
}

}  // namespace

// A rule that is another one's wildcard is its own entry in the list, so entries can be taken back
// one by one; "deny a" is refused once there are groups below.
Result<> set_devices(int dir, const std::vector<DeviceRule>& allowed) {
  std::set<std::string> wanted;
  for (const auto& rule : allowed) {
    TRY(check_device_rule(rule));
    wanted.insert(rule_text(rule));
  }
  TRY_ASSIGN(const auto text, read_file_at(dir, "devices.list", 1UL << 20U));
  std::set<std::string> present;
  for (const auto line : split(text, '\n')) present.emplace(line);
  if (present.contains("a *:* rwm")) {
    TRY(write_rules(dir, "devices.deny", {"a"}));
    present.clear();
  }
  TRY(write_rules(dir, "devices.deny", difference(present, wanted)));
  return write_rules(dir, "devices.allow", difference(wanted, present));
}

}  // namespace skerry::os::cgroup_v1
