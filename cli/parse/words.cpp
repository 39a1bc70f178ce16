#include "cli/parse/words.h"

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "cli/parse/quantity.h"

namespace skerry::cli {
namespace {

Error bad(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

bool has_space(std::string_view text) {
  return text.find_first_of(" \t\r\n\v\f") != std::string_view::npos;
}

Result<v1::RlimitValue> parse_rlimit_value(std::string_view text) {
  v1::RlimitValue value;
  if (means_unlimited(text)) {
    value.mutable_unlimited();
    return value;
  }
  TRY_ASSIGN(const auto number, parse_count(text));
  value.set_value(number);
  return value;
}

std::uint64_t comparable(const v1::RlimitValue& value) {
  return value.has_unlimited() ? std::numeric_limits<std::uint64_t>::max() : value.value();
}

Result<std::int32_t> parse_realtime_signal(std::string_view name, std::string_view typed) {
  const bool from_min = name.starts_with("RTMIN");
  const std::string_view rest = name.substr(5);
  const int base = from_min ? SIGRTMIN : SIGRTMAX;
  if (rest.empty()) return base;
  const auto offset = parse_count(rest.substr(1));
  const auto span = static_cast<std::uint64_t>(SIGRTMAX - SIGRTMIN);
  if (rest.front() != (from_min ? '+' : '-') || !offset || *offset > span) {
    return bad(fmt::format("\"{}\" is not a signal", typed));
  }
  return from_min ? base + static_cast<int>(*offset) : base - static_cast<int>(*offset);
}

Result<bool> parse_switch(std::string_view option, std::string_view value) {
  if (value.empty() || value == "true") return true;
  if (value == "false") return false;
  return bad(fmt::format("{} takes true or false, not \"{}\"", option, value));
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  if (text.empty()) return parts;
  std::size_t start = 0;
  for (;;) {
    const auto end = text.find(separator, start);
    parts.emplace_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

Result<Pair> parse_pair(std::string_view what, std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return bad(fmt::format("{} takes KEY=VALUE, not \"{}\"", what, text));
  }
  return Pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<> fill_map(std::string_view what,
                  const std::vector<std::string>& pairs,
                  google::protobuf::Map<std::string, std::string>& map) {
  for (const std::string& text : pairs) {
    TRY_ASSIGN(auto pair, parse_pair(what, text));
    map[pair.first] = std::move(pair.second);
  }
  return {};
}

Result<std::optional<std::string>> parse_env(std::string_view text, const Lookup& lookup) {
  const auto equals = text.find('=');
  if (text.empty() || equals == 0) return bad(fmt::format("variable \"{}\" has no name", text));
  if (equals != std::string_view::npos) return std::optional(std::string(text));
  const auto value = lookup(std::string(text));
  if (!value) return std::optional<std::string>();
  return std::optional(fmt::format("{}={}", text, *value));
}

Result<std::vector<std::string>> parse_env_file(std::string_view path,
                                                std::string_view content,
                                                const Lookup& lookup) {
  std::vector<std::string> env;
  int number = 0;
  for (std::string line : split(content, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    const std::string_view text = line;
    if (text.find_first_not_of(" \t") == std::string_view::npos || text.starts_with('#')) continue;
    const auto where = fmt::format("{}:{}", path, number);
    if (text.find('\0') != std::string_view::npos) return bad(where + ": holds a NUL byte");
    if (has_space(text.substr(0, text.find('=')))) {
      return bad(fmt::format("{}: white space in the name of \"{}\"", where, text));
    }
    auto entry = parse_env(text, lookup);
    if (!entry) return std::move(entry).error().wrap(where);
    if (*entry) env.push_back(std::move(**entry));
  }
  return env;
}

void merge_env(std::vector<std::string>& into, std::string entry) {
  const auto prefix = entry.substr(0, entry.find('=') + 1);
  const auto same = std::ranges::find_if(
      into, [&](const std::string& other) { return other.starts_with(prefix); });
  if (same == into.end()) {
    into.push_back(std::move(entry));
  } else {
    *same = std::move(entry);
  }
}

Result<std::int32_t> parse_signal(std::string_view text) {
  if (const auto number = parse_count(text)) {
    if (*number >= 1 && *number <= static_cast<std::uint64_t>(SIGRTMAX)) {
      return static_cast<std::int32_t>(*number);
    }
    return bad(fmt::format("\"{}\" is not a signal (1 to {})", text, SIGRTMAX));
  }
  std::string name(text);
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (name.starts_with("RTMIN") || name.starts_with("RTMAX")) {
    return parse_realtime_signal(name, text);
  }
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && name == known) return signal;
  }
  return bad(fmt::format("\"{}\" is not a signal (such as TERM, SIGHUP, 9)", text));
}

Result<v1::Rlimit> parse_ulimit(std::string_view text) {
  TRY_ASSIGN(const auto pair, parse_pair("--ulimit", text));
  const auto& [name, value] = pair;
  const auto colon = value.find(':');
  v1::Rlimit limit;
  limit.set_name(name);
  auto soft = parse_rlimit_value(value.substr(0, colon));
  auto hard = colon == std::string::npos ? soft : parse_rlimit_value(value.substr(colon + 1));
  if (!soft || !hard) {
    return bad(
        fmt::format("--ulimit takes NAME=SOFT[:HARD], numbers or unlimited, not \"{}\"", text));
  }
  if (comparable(*soft) > comparable(*hard)) {
    return bad(fmt::format("--ulimit \"{}\": the soft limit is above the hard one", text));
  }
  *limit.mutable_soft() = std::move(*soft);
  *limit.mutable_hard() = std::move(*hard);
  return limit;
}

Result<> apply_security_opt(std::string_view text, v1::Security& security) {
  // Docker takes "=" and ":" between key and value.
  const auto cut = text.find_first_of("=:");
  const std::string_view key = text.substr(0, cut);
  const std::string_view value = cut == std::string_view::npos ? "" : text.substr(cut + 1);
  if (key == "seccomp" && value == "unconfined") {
    security.set_seccomp(v1::SECCOMP_PROFILE_UNCONFINED);
  } else if (key == "seccomp" && value == "default") {
    security.set_seccomp(v1::SECCOMP_PROFILE_DEFAULT);
  } else if (key == "seccomp" && !value.empty()) {
    security.set_seccomp_json(std::string(value));
  } else if (key == "systempaths" && value == "unconfined") {
    security.set_system_paths(v1::SYSTEM_PATHS_UNCONFINED);
  } else if (key == "no-new-privileges") {
    TRY_ASSIGN(const bool on, parse_switch("no-new-privileges", value));
    security.set_no_new_privs(on);
  } else {
    return bad(
        fmt::format("--security-opt \"{}\" is not one of seccomp=FILE, seccomp=unconfined, "
                    "seccomp=default, no-new-privileges, systempaths=unconfined",
                    text));
  }
  return {};
}

Result<> apply_log_opt(std::string_view text, v1::LogOptions& log) {
  TRY_ASSIGN(const auto pair, parse_pair("--log-opt", text));
  const auto& [key, value] = pair;
  if (key == "max-size") {
    TRY_ASSIGN(const auto size, parse_bytes(value));
    log.set_max_size_bytes(size.value());
  } else if (key == "max-file") {
    TRY_ASSIGN(const auto count, parse_count(value));
    if (count > std::numeric_limits<std::uint32_t>::max())
      return bad("--log-opt max-file is too large");
    log.set_max_files(static_cast<std::uint32_t>(count));
  } else if (key == "overflow" && value == "block") {
    log.set_overflow(v1::LOG_OVERFLOW_BLOCK);
  } else if (key == "overflow" && value == "drop") {
    log.set_overflow(v1::LOG_OVERFLOW_DROP);
  } else if (key == "path") {
    log.set_path(value);
  } else {
    return bad(fmt::format(
        "--log-opt \"{}\" is not one of max-size=SIZE, max-file=COUNT, overflow=block|drop, "
        "path=FILE",
        text));
  }
  return {};
}

std::optional<std::string> nearest(std::string_view typed,
                                   const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(2, typed.size() / 3 + 1);
  for (const std::string& candidate : candidates) {
    // Levenshtein distance, one row at a time.
    std::vector<std::size_t> row(candidate.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < typed.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i + 1);
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t change = diagonal + (typed[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace skerry::cli
