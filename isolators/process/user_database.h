// /etc/passwd and /etc/group of a root filesystem: hostile text, read by pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skerry::isolators {

/// One user of passwd(5).
struct PasswdEntry {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string home;
  bool operator==(const PasswdEntry&) const = default;
};

/// One group of group(5).
struct GroupEntry {
  std::string name;
  std::uint32_t gid = 0;
  std::vector<std::string> members;
  bool operator==(const GroupEntry&) const = default;
};

/// Entries in the order of the file. Lines that are none (comments, too few fields, ids that are no
/// 32-bit number, NUL bytes) are skipped, as libc does.
std::vector<PasswdEntry> parse_passwd(std::string_view text);
std::vector<GroupEntry> parse_group(std::string_view text);

/// Who the process is.
struct ResolvedUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  /// Supplementary groups, sorted, each once, the primary one among them (CVE-2022-2989).
  std::vector<std::uint32_t> groups;
  /// "/" without an entry, as Docker.
  std::string home = "/";
  bool operator==(const ResolvedUser&) const = default;
};

/// Resolves "", "user", "user:group", ":group", names or numbers, as Docker does: a number needs no
/// entry, but takes group and home from one; supplementary groups are those of the user's name,
/// unless a group was given. `additional_groups` come on top.
/// Errors: NOT_FOUND, reason USER_NOT_FOUND or GROUP_NOT_FOUND; INVALID_ARGUMENT, reason
/// USER_INVALID (also for more than 65536 groups).
Result<ResolvedUser> resolve_user(std::string_view user,
                                  const std::vector<std::string>& additional_groups,
                                  std::string_view passwd,
                                  std::string_view group);

/// Checks the form of a user and of groups, before there is a root to look them up in. Errors:
/// INVALID_ARGUMENT, reason USER_INVALID.
Result<> check_user(std::string_view user, const std::vector<std::string>& additional_groups);

}  // namespace skerry::isolators
