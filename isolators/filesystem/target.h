// Where inside the root a mount of the user's may go.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skerry::isolators {

/// The path without double slashes, "." and a slash at the end.
std::string clean_path(std::string_view path);

/// Checks a clean path. Errors: INVALID_ARGUMENT, reason MOUNT_TARGET_REFUSED, for "/", "/sys",
/// "/dev" and "/proc" themselves, and below /proc except for the files lxcfs replaces.
Result<> check_target(std::string_view target);

/// Checks where `target` leads in the root behind the descriptor, whose own links count, also those
/// whose end is not there yet: below /proc nothing is before the child mounts it.
/// Errors: FAILED_PRECONDITION, reason MOUNT_TARGET_REFUSED; others by errno.
Result<> check_target_in_root(int root, const std::string& target);

/// The path `target` leads to, without links. The part that does not exist is taken as it is.
/// Errors: FAILED_PRECONDITION, reason MOUNT_TARGET_REFUSED, for a loop of links, and for a link
/// with ".." behind what does not exist.
Result<std::string> real_target(int root, const std::string& target);

}  // namespace skerry::isolators
