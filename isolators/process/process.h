// Isolator "process": who the container's process is, where it starts, and what it executes.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "isolators/isolator.h"

namespace skerry::isolators {

/// Errors of validate: plan::validate_exec's; INVALID_ARGUMENT, reasons PATH_INVALID, USER_INVALID.
/// Of prepare: NOT_FOUND, reasons USER_NOT_FOUND, GROUP_NOT_FOUND; FAILED_PRECONDITION, reason
/// USER_DATABASE_INVALID.
std::unique_ptr<Isolator> make_process_isolator();

/// The environment of the process: of a name given twice the last value, at the place of the first;
/// then PATH, HOSTNAME and HOME where they are missing.
std::vector<std::string> complete_environment(const std::vector<std::string>& given,
                                              std::string_view hostname,
                                              std::string_view home);

/// Reads a file such as /etc/passwd inside `root`, whatever an image put in its place: only a
/// regular file of at most 1 MiB is opened, none of procfs or sysfs; a missing one is empty text.
/// Errors: FAILED_PRECONDITION, reason USER_DATABASE_INVALID.
Result<std::string> read_user_database(int root, const std::string& path);

}  // namespace skerry::isolators
