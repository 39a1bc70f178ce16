#include "volumes/host/host_paths.h"

#include <algorithm>

#include <fmt/format.h>

#include "os/proc_files.h"
#include "volumes/mountpoint.h"

namespace skerry::volumes {
namespace {

Error not_allowed(const std::string& path, const std::string& real, const HostPathRules& rules) {
  const std::string led = real == path ? "" : fmt::format(" (in truth \"{}\")", real);
  const std::string allowed =
      rules.allowed_prefixes.empty()
          ? "no path is"
          : fmt::format("only paths below {} are", fmt::join(rules.allowed_prefixes, ", "));
  return Error(Code::kPermissionDenied,
               fmt::format("host path \"{}\"{} is not allowed to containers: {}; see {}",
                           path,
                           led,
                           allowed,
                           rules.config_key))
      .with_reason("HOST_PATH_NOT_ALLOWED");
}

}  // namespace

Result<HostPaths> HostPaths::make(os::ForeignPaths& paths, HostPathRules rules) {
  for (std::string& prefix : rules.allowed_prefixes) {
    const auto parts = os::split(prefix, '/');
    const auto is_dots = [](std::string_view part) { return part == "." || part == ".."; };
    if (!prefix.starts_with('/') || std::ranges::any_of(parts, is_dots)) {
      return Error(
                 Code::kInvalidArgument,
                 fmt::format(
                     "{}: \"{}\" is not an absolute path without \"..\"", rules.config_key, prefix))
          .with_reason("HOST_PATH_RULE_INVALID");
    }
    prefix = fmt::format("/{}", fmt::join(parts, "/"));
  }
  return HostPaths(paths, std::move(rules));
}

Result<os::ForeignPath> HostPaths::open(const std::string& path, const CallLimits& limits) const {
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
    return Error(Code::kInvalidArgument,
                 fmt::format("host path \"{}\" is not an absolute path", path.c_str()))
        .with_reason("HOST_PATH_INVALID");
  }
  // Whoever may use no path at all learns nothing about which there are.
  if (rules_.allowed_prefixes.empty()) return not_allowed(path, path, rules_);
  auto opened = paths_->open(path, path_patience(limits));
  if (!opened) {
    auto error = std::move(opened).error().wrap(fmt::format("host path \"{}\"", path));
    if (error.code() == Code::kNotFound) return std::move(error).with_reason("HOST_PATH_NOT_FOUND");
    return error;
  }
  TRY_ASSIGN(const std::string real, real_path(opened->fd.get()));
  TRY(check_allowed(path, real));
  return opened;
}

Result<> HostPaths::check_allowed(const std::string& path, const std::string& real) const {
  const auto covers = [&](const std::string& prefix) { return is_within(real, prefix); };
  if (std::ranges::any_of(rules_.allowed_prefixes, covers)) return {};
  return not_allowed(path, real, rules_);
}

}  // namespace skerry::volumes
