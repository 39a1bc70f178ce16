// Isolator "process": who the container's process is, where it starts, and what it executes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "isolators/isolator.h"

namespace skerry::isolators {

/// MAX_ARG_STRLEN of the kernel less the NUL: the longest single argument or variable.
constexpr std::size_t kMaxArgument = 128 * 1024 - 1;
/// Arguments and environment together, NULs and pointers included: a quarter of the default stack
/// limit, which is what execve(2) allows.
constexpr std::size_t kMaxArguments = 2ULL << 20U;

/// Errors of validate: INVALID_ARGUMENT, reasons ARGUMENT_INVALID, ARGUMENT_TOO_LONG,
/// ENVIRONMENT_INVALID, PATH_INVALID, USER_INVALID. Of prepare: NOT_FOUND, reasons USER_NOT_FOUND,
/// GROUP_NOT_FOUND; FAILED_PRECONDITION, reason USER_DATABASE_INVALID.
std::unique_ptr<Isolator> make_process_isolator();

/// The environment of the process: of a name given twice the last value, at the place of the first;
/// then PATH, HOSTNAME and HOME where they are missing.
std::vector<std::string> complete_environment(const std::vector<std::string>& given,
                                              std::string_view hostname,
                                              std::string_view home);

/// Reads a file such as /etc/passwd inside `root`, whatever an image put in its place: only a
/// regular file of at most 1 MiB is opened; a missing one is empty text.
/// Errors: FAILED_PRECONDITION, reason USER_DATABASE_INVALID.
Result<std::string> read_user_database(int root, const std::string& path);

}  // namespace skerry::isolators
