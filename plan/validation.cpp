#include "plan/validation.h"

#include <fmt/format.h>

namespace skerry::plan {
namespace {

Error invalid(std::string message) {
  return Error(Code::kInvalidArgument, std::move(message)).with_reason("ARGUMENT_INVALID");
}

Result<> check_string(const std::string& what, const std::string& value) {
  if (value.find('\0') != std::string::npos) return invalid(what + " contains a NUL byte");
  if (value.size() >= kMaxArgumentBytes) {
    return Error(Code::kInvalidArgument,
                 fmt::format("{} is {} bytes long; the kernel takes at most {}",
                             what,
                             value.size(),
                             kMaxArgumentBytes - 1))
        .with_reason("ARGUMENT_TOO_LONG");
  }
  return {};
}

std::size_t bytes_of(const std::vector<std::string>& strings) {
  std::size_t total = sizeof(char*);
  for (const auto& value : strings) total += value.size() + 1 + sizeof(char*);
  return total;
}

}  // namespace

Result<> validate_exec(const Exec& exec) {
  if (exec.arguments.empty() || exec.arguments.front().empty()) return invalid("no program given");
  for (std::size_t i = 0; i < exec.arguments.size(); ++i)
    TRY(check_string(fmt::format("argument {}", i), exec.arguments[i]));
  for (const auto& variable : exec.environment) {
    const auto equals = variable.find('=');
    if (equals == std::string::npos || equals == 0) {
      return invalid(
          fmt::format("environment variable \"{}\" is not NAME=value", variable.substr(0, 64)));
    }
    TRY(check_string(
        fmt::format("environment variable \"{}\"", variable.substr(0, std::min(equals, 64UL))),
        variable));
  }
  const std::size_t total = bytes_of(exec.arguments) + bytes_of(exec.environment);
  if (total > kMaxExecBytes) {
    return Error(Code::kInvalidArgument,
                 fmt::format("arguments and environment take {} bytes; at most {} are possible",
                             total,
                             kMaxExecBytes))
        .with_reason("ARGUMENTS_TOO_LONG");
  }
  return {};
}

}  // namespace skerry::plan
