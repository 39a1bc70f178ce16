#include "isolators/process/user_database.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

constexpr std::size_t kPasswdFields = 7;
constexpr std::size_t kGroupFields = 4;
/// NGROUPS_MAX of the kernel.
constexpr std::size_t kMaxGroups = 65'536;
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxHome = 4096;
/// (uid_t)-1 means "leave it" to the kernel.
constexpr std::uint32_t kInvalidId = 0xffffffffU;

std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id == kInvalidId) {
    return std::nullopt;
  }
  return id;
}

/// The first N fields; absent when there are fewer. Empty fields count, unlike os::split's.
template <std::size_t N>
std::optional<std::array<std::string_view, N>> fields(std::string_view line) {
  std::array<std::string_view, N> found;
  for (std::size_t i = 0; i < N; ++i) {
    const auto end = line.find(':');
    found[i] = line.substr(0, end);
    if (end == std::string_view::npos) {
      if (i + 1 < N) return std::nullopt;
      break;
    }
    line.remove_prefix(end + 1);
  }
  return found;
}

/// Calls `use` with every line that can hold an entry.
template <class Use>
void each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    // "+" and "-" lines are NIS's.
    if (line.empty() || line.front() == '#' || line.front() == '+' || line.front() == '-' ||
        line.find('\0') != std::string_view::npos) {
      continue;
    }
    use(line);
  }
}

struct UserSpec {
  std::string_view user;
  std::string_view group;
};

UserSpec split_spec(std::string_view spec) {
  const auto colon = spec.find(':');
  if (colon == std::string_view::npos) return {.user = spec, .group = {}};
  return {.user = spec.substr(0, colon), .group = spec.substr(colon + 1)};
}

bool is_name(std::string_view name) {
  return name.size() <= kMaxName && name.find_first_of(std::string_view(":\n\0", 3)) == name.npos;
}

Error bad_name(std::string_view field, std::string_view name) {
  return refuse(field,
                fmt::format("\"{}\"", name),
                "a name of at most 256 bytes, or a number up to 4294967294",
                "USER_INVALID");
}

bool only_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Result<> check_name(std::string_view field, std::string_view name) {
  if (!is_name(name) || (only_digits(name) && !parse_id(name))) return bad_name(field, name);
  return {};
}

Result<std::uint32_t> find_group(std::string_view name, const std::vector<GroupEntry>& groups) {
  // A name made of digits is a number first, as everywhere else.
  if (const auto gid = parse_id(name)) return *gid;
  const auto found = std::ranges::find(groups, name, &GroupEntry::name);
  if (found == groups.end()) {
    return Error(Code::kNotFound, fmt::format("group \"{}\" is not in the root's /etc/group", name))
        .with_reason("GROUP_NOT_FOUND");
  }
  return found->gid;
}

/// Fills uid, gid and home; returns the name of the entry, empty without one.
Result<std::string> find_user(std::string_view name,
                              std::string_view passwd,
                              ResolvedUser& resolved) {
  const auto entries = parse_passwd(passwd);
  const auto number = name.empty() ? std::optional<std::uint32_t>(0) : parse_id(name);
  const auto found = number ? std::ranges::find(entries, *number, &PasswdEntry::uid)
                            : std::ranges::find(entries, name, &PasswdEntry::name);
  if (found != entries.end()) {
    resolved.uid = found->uid;
    resolved.gid = found->gid;
    if (found->home.starts_with('/') && found->home.size() < kMaxHome) resolved.home = found->home;
    return found->name;
  }
  if (!number) {
    return Error(Code::kNotFound, fmt::format("user \"{}\" is not in the root's /etc/passwd", name))
        .with_reason("USER_NOT_FOUND");
  }
  resolved.uid = *number;
  return std::string();
}

}  // namespace

std::vector<PasswdEntry> parse_passwd(std::string_view text) {
  std::vector<PasswdEntry> entries;
  each_line(text, [&](std::string_view line) {
    const auto parts = fields<kPasswdFields>(line);
    if (!parts) return;
    const auto uid = parse_id((*parts)[2]);
    const auto gid = parse_id((*parts)[3]);
    if ((*parts)[0].empty() || !uid || !gid) return;
    entries.push_back({.name = std::string((*parts)[0]),
                       .uid = *uid,
                       .gid = *gid,
                       .home = std::string((*parts)[5])});
  });
  return entries;
}

std::vector<GroupEntry> parse_group(std::string_view text) {
  std::vector<GroupEntry> entries;
  each_line(text, [&](std::string_view line) {
    const auto parts = fields<kGroupFields>(line);
    if (!parts) return;
    const auto gid = parse_id((*parts)[2]);
    if ((*parts)[0].empty() || !gid) return;
    GroupEntry entry{.name = std::string((*parts)[0]), .gid = *gid, .members = {}};
    std::string_view members = (*parts)[3];
    while (!members.empty()) {
      const auto end = std::min(members.find(','), members.size());
      if (end > 0) entry.members.emplace_back(members.substr(0, end));
      members.remove_prefix(std::min(end + 1, members.size()));
    }
    entries.push_back(std::move(entry));
  });
  return entries;
}

Result<ResolvedUser> resolve_user(std::string_view user,
                                  const std::vector<std::string>& additional_groups,
                                  std::string_view passwd,
                                  std::string_view group) {
  TRY(check_user(user, additional_groups));
  const UserSpec spec = split_spec(user);
  ResolvedUser resolved;
  TRY_ASSIGN(const std::string name, find_user(spec.user, passwd, resolved));
  const auto groups = parse_group(group);
  if (!spec.group.empty()) {
    TRY_ASSIGN(resolved.gid, find_group(spec.group, groups));
  } else if (!name.empty()) {
    for (const auto& entry : groups) {
      if (std::ranges::find(entry.members, name) != entry.members.end()) {
        resolved.groups.push_back(entry.gid);
      }
    }
  }
  for (const auto& additional : additional_groups) {
    TRY_ASSIGN(const std::uint32_t gid, find_group(additional, groups));
    resolved.groups.push_back(gid);
  }
  resolved.groups.push_back(resolved.gid);
  std::ranges::sort(resolved.groups);
  const auto repeats = std::ranges::unique(resolved.groups);
  resolved.groups.erase(repeats.begin(), repeats.end());
  if (resolved.groups.size() > kMaxGroups) {
    return refuse("process.user",
                  fmt::format("a member of {} groups", resolved.groups.size()),
                  fmt::format("at most {}", kMaxGroups),
                  "USER_INVALID");
  }
  return resolved;
}

Result<> check_user(std::string_view user, const std::vector<std::string>& additional_groups) {
  const UserSpec spec = split_spec(user);
  TRY(check_name("process.user", spec.user));
  TRY(check_name("process.user", spec.group));
  for (const auto& group : additional_groups) {
    if (group.empty()) return bad_name("process.additional_groups", group);
    TRY(check_name("process.additional_groups", group));
  }
  return {};
}

}  // namespace skerry::isolators
