#include "unpack/options.h"

#include <map>
#include <string>

#include <fmt/format.h>

#include "os/proc_files.h"

namespace skerry::unpack {
namespace {

using Values = std::map<std::string_view, std::string_view>;

Error invalid(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

Result<Values> split_options(std::span<const std::string_view> arguments) {
  Values out;
  for (const std::string_view argument : arguments) {
    const auto equals = argument.find('=');
    if (!argument.starts_with("--") || equals == std::string_view::npos)
      return invalid(fmt::format("\"{}\" is no option", argument));
    if (!out.try_emplace(argument.substr(2, equals - 2), argument.substr(equals + 1)).second)
      return invalid(fmt::format("option \"{}\" is given twice", argument));
  }
  return out;
}

Result<std::string_view> take(Values& values, std::string_view name) {
  const auto found = values.find(name);
  if (found == values.end()) return invalid(fmt::format("option \"--{}\" is missing", name));
  const std::string_view value = found->second;
  values.erase(found);
  return value;
}

Result<std::uint64_t> take_number(Values& values, std::string_view name) {
  TRY_ASSIGN(const auto text, take(values, name));
  const auto number = os::parse_number(text);
  if (!number || *number == 0)
    return invalid(fmt::format("option \"--{}={}\" is no number above zero", name, text));
  return *number;
}

/// Which of two words; true for the second.
Result<bool> take_choice(Values& values,
                         std::string_view name,
                         std::string_view first,
                         std::string_view second) {
  TRY_ASSIGN(const auto text, take(values, name));
  if (text == first) return false;
  if (text == second) return true;
  return invalid(fmt::format("option \"--{}={}\" is not {} or {}", name, text, first, second));
}

}  // namespace

Result<Options> parse_options(std::span<const std::string_view> arguments) {
  TRY_ASSIGN(Values values, split_options(arguments));
  Options out;
  TRY_ASSIGN(const bool directory, take_choice(values, "source", "archive", "directory"));
  out.source = directory ? SourceKind::kDirectory : SourceKind::kArchive;
  TRY_ASSIGN(const bool overlay, take_choice(values, "whiteouts", "literal", "overlay"));
  out.whiteouts = overlay ? Whiteouts::kOverlay : Whiteouts::kLiteral;
  TRY_ASSIGN(const auto bytes, take_number(values, "max-bytes"));
  out.limits.max_bytes = Bytes(bytes);
  TRY_ASSIGN(out.limits.max_entries, take_number(values, "max-entries"));
  TRY_ASSIGN(out.limits.max_ratio, take_number(values, "max-ratio"));
  TRY_ASSIGN(const auto memory, take_number(values, "max-memory"));
  out.max_memory = Bytes(memory);
  TRY_ASSIGN(out.max_cpu_seconds, take_number(values, "max-cpu-seconds"));
  if (!values.empty())
    return invalid(fmt::format("option \"--{}\" is not known", values.begin()->first));
  return out;
}

bool is_copy(std::span<const std::string_view> arguments) {
  return !arguments.empty() && arguments.front().starts_with("--copy=");
}

Result<CopyOptions> parse_copy_options(std::span<const std::string_view> arguments) {
  TRY_ASSIGN(Values values, split_options(arguments));
  CopyOptions out;
  TRY_ASSIGN(const bool outward, take_choice(values, "copy", "in", "out"));
  out.direction = outward ? CopyDirection::kOut : CopyDirection::kIn;
  TRY_ASSIGN(const bool mount, take_choice(values, "root", "process", "mount"));
  out.root = mount ? ContainerEntry::Kind::kMount : ContainerEntry::Kind::kProcess;
  TRY_ASSIGN(const auto path, take(values, "path"));
  if (!path.starts_with('/')) return invalid("option \"--path\" is not absolute");
  out.path = path;
  TRY_ASSIGN(const auto owner, take(values, "owner"));
  if (owner != "archive") {
    const auto colon = owner.find(':');
    const auto uid = os::parse_number(owner.substr(0, colon));
    const auto gid = os::parse_number(colon == std::string_view::npos ? std::string_view()
                                                                      : owner.substr(colon + 1));
    if (!uid || !gid) return invalid(fmt::format("option \"--owner={}\" is no owner", owner));
    out.owner = {static_cast<uid_t>(*uid), static_cast<gid_t>(*gid)};
  }
  TRY_ASSIGN(const auto bytes, take_number(values, "max-bytes"));
  out.limits.max_bytes = Bytes(bytes);
  TRY_ASSIGN(out.limits.max_entries, take_number(values, "max-entries"));
  TRY_ASSIGN(out.limits.max_ratio, take_number(values, "max-ratio"));
  TRY_ASSIGN(const auto memory, take_number(values, "max-memory"));
  out.max_memory = Bytes(memory);
  TRY_ASSIGN(out.max_cpu_seconds, take_number(values, "max-cpu-seconds"));
  if (!values.empty())
    return invalid(fmt::format("option \"--{}\" is not known", values.begin()->first));
  return out;
}

}  // namespace skerry::unpack
