#include "isolators/seccomp/json_profile.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "isolators/capabilities/names.h"

namespace skerry::isolators::seccomp {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 16;
constexpr std::size_t kShownBytes = 64;
constexpr std::size_t kMaxSyscallName = 64;
constexpr std::size_t kMaxChecks = 32;
constexpr std::size_t kMaxArchitectures = 64;
constexpr std::uint64_t kMaxArgumentIndex = 5;
constexpr std::uint64_t kMaxErrno = 4095;  // the kernel's own limit

constexpr auto kArchitectures = std::to_array<std::string_view>({
    "SCMP_ARCH_X86",     "SCMP_ARCH_X86_64",   "SCMP_ARCH_X32",         "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",  "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",  "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",     "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",    "SCMP_ARCH_SH",       "SCMP_ARCH_SHEB",
});
/// Of includes and excludes.
constexpr auto kDockerArchitectures = std::to_array<std::string_view>({
    "x86",    "amd64",    "x32",         "arm",     "arm64",       "mips",    "mips64", "mips64n32",
    "mipsel", "mipsel64", "mipsel64n32", "ppc",     "ppc64",       "ppc64le", "s390",   "s390x",
    "parisc", "parisc64", "riscv64",     "loong64", "loongarch64", "m68k",    "sh",     "sheb",
});

template <class T>
struct Word {
  std::string_view name;
  T value;
};
constexpr auto kActions = std::to_array<Word<ActionKind>>({
    {"SCMP_ACT_ALLOW", ActionKind::kAllow},
    {"SCMP_ACT_ERRNO", ActionKind::kErrno},
    {"SCMP_ACT_KILL", ActionKind::kKillThread},
    {"SCMP_ACT_KILL_THREAD", ActionKind::kKillThread},
    {"SCMP_ACT_KILL_PROCESS", ActionKind::kKillProcess},
    {"SCMP_ACT_TRAP", ActionKind::kTrap},
    {"SCMP_ACT_LOG", ActionKind::kLog},
});
constexpr auto kComparisons = std::to_array<Word<Comparison>>({
    {"SCMP_CMP_NE", Comparison::kNotEqual},
    {"SCMP_CMP_LT", Comparison::kLess},
    {"SCMP_CMP_LE", Comparison::kLessOrEqual},
    {"SCMP_CMP_EQ", Comparison::kEqual},
    {"SCMP_CMP_GE", Comparison::kGreaterOrEqual},
    {"SCMP_CMP_GT", Comparison::kGreater},
    {"SCMP_CMP_MASKED_EQ", Comparison::kMaskedEqual},
});

/// Short and printable: what is shown comes from the file.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kShownBytes)) out += c >= 0x20 && c < 0x7f ? c : '?';
  if (text.size() > kShownBytes) out += "…";
  return out;
}

std::string at(std::string_view where, std::string_view key) {
  return where.empty() ? std::string(key) : fmt::format("{}.{}", where, key);
}

// --- members of objects -----------------------------------------------------------------------

Result<> check_keys(const Json& object,
                    std::string_view where,
                    std::span<const std::string_view> known) {
  if (!object.is_object()) return profile_error(where, "is no object");
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    return profile_error(
        where,
        fmt::format("unknown key \"{}\"; there are: {}", shown(key), fmt::join(known, ", ")));
  }
  return {};
}

/// Null where it is missing; a JSON null says the same.
const Json* member(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> text(const Json& value, std::string_view where) {
  if (!value.is_string()) return profile_error(where, "is no string");
  return value.get<std::string>();
}

Result<std::uint64_t> number(const Json& value, std::string_view where, std::uint64_t max) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > max) {
    return profile_error(where, fmt::format("is no whole number from 0 to {}", max));
  }
  return value.get<std::uint64_t>();
}

/// Missing is 0.
Result<std::uint64_t> number_member(const Json& object,
                                    const char* key,
                                    std::string_view where,
                                    std::uint64_t max) {
  const Json* value = member(object, key);
  if (value == nullptr) return std::uint64_t{0};
  return number(*value, at(where, key), max);
}

/// Hands each element of the array `key` with its place to `read`; a missing array has none.
template <class Read>
Result<> each(
    const Json& object, const char* key, std::string_view parent, std::size_t max, Read read) {
  const Json* array = member(object, key);
  if (array == nullptr) return {};
  const std::string where = at(parent, key);
  if (!array->is_array()) return profile_error(where, "is no array");
  if (array->size() > max) {
    return profile_error(where, fmt::format("has {} elements, at most {}", array->size(), max));
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    TRY(read((*array)[i], fmt::format("{}[{}]", where, i)));
  }
  return {};
}

template <class T, std::size_t N>
Result<T> word(const Json& value, std::string_view where, const std::array<Word<T>, N>& words) {
  TRY_ASSIGN(const std::string name, text(value, where));
  const auto found = std::ranges::find(words, name, &Word<T>::name);
  if (found != words.end()) return found->value;
  std::vector<std::string_view> names;
  for (const auto& known : words) names.push_back(known.name);
  return profile_error(where,
                       fmt::format("\"{}\" is none of: {}", shown(name), fmt::join(names, ", ")));
}

Result<std::string> known_name(const Json& value,
                               std::string_view where,
                               std::span<const std::string_view> known) {
  TRY_ASSIGN(std::string name, text(value, where));
  if (std::ranges::find(known, name) != known.end()) return name;
  return profile_error(where, fmt::format("\"{}\" is no architecture", shown(name)));
}

// --- the parts of a profile -------------------------------------------------------------------

/// `error` belongs to SCMP_ACT_ERRNO; Docker skips it at the others, so profiles have it there.
Result<Action> read_action(const Json& object,
                           const char* key,
                           const char* error_key,
                           std::string_view where) {
  const Json* name = member(object, key);
  if (name == nullptr) return profile_error(at(where, key), "is missing");
  if (*name == "SCMP_ACT_TRACE" || *name == "SCMP_ACT_NOTIFY") {
    return profile_error(
        at(where, key),
        fmt::format("{} is not supported: nothing outside the container would answer",
                    name->get<std::string>()));
  }
  Action action;
  TRY_ASSIGN(action.kind, word(*name, at(where, key), kActions));
  TRY_ASSIGN(const std::uint64_t error, number_member(object, error_key, where, kMaxErrno));
  if (action.kind == ActionKind::kErrno) {
    action.error = member(object, error_key) == nullptr ? EPERM : static_cast<std::uint16_t>(error);
  }
  return action;
}

Result<KernelVersion> read_kernel(const Json& value, std::string_view where) {
  TRY_ASSIGN(const std::string version, text(value, where));
  KernelVersion out;
  const char* const end = version.data() + version.size();
  const auto major = std::from_chars(version.data(), end, out.major);
  if (major.ec == std::errc() && major.ptr != end && *major.ptr == '.') {
    const auto minor = std::from_chars(major.ptr + 1, end, out.minor);
    if (minor.ec == std::errc() && minor.ptr == end && out != KernelVersion{}) return out;
  }
  return profile_error(where, fmt::format("\"{}\" is no version such as \"4.8\"", shown(version)));
}

Result<Conditions> read_conditions(const Json& object, const char* key, std::string_view parent) {
  static constexpr auto kKeys = std::to_array<std::string_view>({"caps", "arches", "minKernel"});
  Conditions out;
  const Json* value = member(object, key);
  if (value == nullptr) return out;
  const std::string where = at(parent, key);
  TRY(check_keys(*value, where, kKeys));
  TRY(each(*value, "caps", where, kMaxArchitectures, [&](const Json& cap, auto place) -> Result<> {
    TRY_ASSIGN(const std::string name, text(cap, place));
    const auto known = capability_number(name);
    if (!known) return profile_error(place, fmt::format("\"{}\" is no capability", shown(name)));
    out.capabilities.push_back(*known);
    return {};
  }));
  TRY(each(
      *value, "arches", where, kMaxArchitectures, [&](const Json& arch, auto place) -> Result<> {
        TRY_ASSIGN(out.architectures.emplace_back(), known_name(arch, place, kDockerArchitectures));
        return {};
      }));
  if (const Json* version = member(*value, "minKernel")) {
    TRY_ASSIGN(out.min_kernel, read_kernel(*version, at(where, "minKernel")));
  }
  return out;
}

Result<ArgumentCheck> read_check(const Json& value, std::string_view where) {
  static constexpr auto kKeys =
      std::to_array<std::string_view>({"index", "value", "valueTwo", "op"});
  TRY(check_keys(value, where, kKeys));
  ArgumentCheck out;
  const Json* comparison = member(value, "op");
  if (comparison == nullptr) return profile_error(at(where, "op"), "is missing");
  TRY_ASSIGN(out.comparison, word(*comparison, at(where, "op"), kComparisons));
  TRY_ASSIGN(const std::uint64_t index, number_member(value, "index", where, kMaxArgumentIndex));
  out.index = static_cast<std::uint32_t>(index);
  TRY_ASSIGN(out.value, number_member(value, "value", where, UINT64_MAX));
  TRY_ASSIGN(out.value_two, number_member(value, "valueTwo", where, UINT64_MAX));
  if (out.value_two != 0 && out.comparison != Comparison::kMaskedEqual) {
    return profile_error(at(where, "valueTwo"), "is compared by SCMP_CMP_MASKED_EQ only");
  }
  return out;
}

/// libseccomp takes it as a C string; those that exist are made of these letters.
Result<std::string> read_syscall_name(const Json& value, std::string_view where) {
  TRY_ASSIGN(std::string name, text(value, where));
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!plain || name.empty() || name.size() > kMaxSyscallName) {
    return profile_error(where, fmt::format("\"{}\" is no name of a system call", shown(name)));
  }
  return name;
}

Result<std::vector<std::string>> read_names(const Json& value, std::string_view where) {
  std::vector<std::string> names;
  TRY(each(value, "names", where, kMaxProfileNames, [&](const Json& name, auto place) -> Result<> {
    TRY_ASSIGN(names.emplace_back(), read_syscall_name(name, place));
    return {};
  }));
  if (const Json* name = member(value, "name"); name != nullptr && *name != "") {
    if (!names.empty()) return profile_error(where, "has both \"name\" and \"names\"");
    TRY_ASSIGN(names.emplace_back(), read_syscall_name(*name, at(where, "name")));
  }
  if (names.empty()) return profile_error(where, "names no system call");
  return names;
}

Result<Rule> read_rule(const Json& value, std::string_view where) {
  static constexpr auto kKeys = std::to_array<std::string_view>(
      {"name", "names", "action", "errnoRet", "args", "comment", "includes", "excludes"});
  TRY(check_keys(value, where, kKeys));
  Rule out;
  TRY_ASSIGN(out.names, read_names(value, where));
  TRY_ASSIGN(out.action, read_action(value, "action", "errnoRet", where));
  TRY(each(value, "args", where, kMaxChecks, [&](const Json& check, auto place) -> Result<> {
    TRY_ASSIGN(out.checks.emplace_back(), read_check(check, place));
    return {};
  }));
  TRY_ASSIGN(out.includes, read_conditions(value, "includes", where));
  TRY_ASSIGN(out.excludes, read_conditions(value, "excludes", where));
  return out;
}

Result<> read_architectures(const Json& root, JsonProfile& out) {
  static constexpr auto kKeys =
      std::to_array<std::string_view>({"architecture", "subArchitectures"});
  TRY(each(
      root, "architectures", "", kMaxArchitectures, [&](const Json& arch, auto at) -> Result<> {
        TRY_ASSIGN(out.architectures.emplace_back(), known_name(arch, at, kArchitectures));
        return {};
      }));
  const auto read_group = [&](const Json& value, const std::string& where) -> Result<> {
    TRY(check_keys(value, where, kKeys));
    ArchitectureGroup& group = out.groups.emplace_back();
    const Json* name = member(value, "architecture");
    if (name == nullptr) return profile_error(at(where, "architecture"), "is missing");
    TRY_ASSIGN(group.architecture, known_name(*name, at(where, "architecture"), kArchitectures));
    return each(value,
                "subArchitectures",
                where,
                kMaxArchitectures,
                [&](const Json& sub, auto place) -> Result<> {
                  TRY_ASSIGN(group.sub_architectures.emplace_back(),
                             known_name(sub, place, kArchitectures));
                  return {};
                });
  };
  TRY(each(root, "archMap", "", kMaxArchitectures, read_group));
  if (!out.architectures.empty() && !out.groups.empty()) {
    return profile_error("archMap", "is there beside \"architectures\"; one of them says it");
  }
  return {};
}

Result<> read_rules(const Json& root, JsonProfile& out) {
  std::size_t names = 0;
  return each(
      root, "syscalls", "", kMaxProfileNames, [&](const Json& value, auto where) -> Result<> {
        TRY_ASSIGN(Rule rule, read_rule(value, where));
        names += rule.names.size();
        if (names > kMaxProfileNames) {
          return profile_error("syscalls",
                               fmt::format("more than {} names of system calls", kMaxProfileNames));
        }
        out.rules.push_back(std::move(rule));
        return {};
      });
}

/// The parser's exceptions say where it stopped, and end here.
Result<Json> read_document(std::string_view text) {
  if (text.size() > kMaxProfileBytes) {
    return profile_error("", fmt::format("{} bytes, at most {}", text.size(), kMaxProfileBytes));
  }
  bool too_deep = false;
  const auto look = [&too_deep](int depth, Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    // What is too deep is thrown away while it is read, so it never grows.
    return !too_deep;
  };
  const std::string deep = fmt::format("nested more than {} deep", kMaxDepth);
  try {
    Json document = Json::parse(text, look);
    if (too_deep) return profile_error("", deep);
    return document;
  } catch (const Json::parse_error& error) {
    if (too_deep) return profile_error("", deep);
    const std::string_view before = text.substr(0, error.byte == 0 ? 0 : error.byte - 1);
    return profile_error(fmt::format("line {}", 1 + std::ranges::count(before, '\n')),
                         fmt::format("no JSON from byte {} on", error.byte));
  } catch (const Json::exception&) {
    return profile_error("", "a number no machine can hold");
  }
}

}  // namespace

Error profile_error(std::string_view where, std::string_view what) {
  const std::string_view separator = where.empty() ? "" : ": ";
  return Error(Code::kInvalidArgument,
               fmt::format("seccomp profile: {}{}{}", where, separator, what))
      .with_reason("SECCOMP_PROFILE_INVALID");
}

Result<JsonProfile> parse_profile(std::string_view text) {
  static constexpr auto kKeys = std::to_array<std::string_view>(
      {"defaultAction", "defaultErrnoRet", "architectures", "archMap", "syscalls"});
  TRY_ASSIGN(const Json root, read_document(text));
  TRY(check_keys(root, "", kKeys));
  JsonProfile out;
  TRY_ASSIGN(out.default_action, read_action(root, "defaultAction", "defaultErrnoRet", ""));
  TRY(read_architectures(root, out));
  TRY(read_rules(root, out));
  return out;
}

}  // namespace skerry::isolators::seccomp
