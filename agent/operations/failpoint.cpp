#include "agent/operations/failpoint.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <charconv>
#include <thread>

#include <fmt/format.h>

#include "base/check.h"

namespace skerry::operations {
namespace {

constexpr int kMaxErrno = 4095;

Error invalid(std::string_view text, std::string_view why) {
  return Error(Code::kInvalidArgument, fmt::format("failpoint \"{}\": {}", text, why))
      .with_reason("FAILPOINT_INVALID");
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<int> parse_errno(std::string_view text) {
  if (const auto number = parse_number<int>(text)) {
    return *number > 0 && *number <= kMaxErrno ? number : std::nullopt;
  }
  for (int candidate = 1; candidate <= kMaxErrno; ++candidate) {
    const char* name = ::strerrorname_np(candidate);
    if (name != nullptr && text == name) return candidate;
  }
  return std::nullopt;
}

[[noreturn]] void kill_ourselves() {
  for (;;) {
    ::kill(::getpid(), SIGKILL);
    ::pause();
  }
}

}  // namespace

void FailpointRegistry::declare_step(std::string_view name) {
  declare_lasting_step(name);
  declare(std::string(name) + ":undo");
}

void FailpointRegistry::declare_lasting_step(std::string_view name) {
  declare(name);
  declare(std::string(name) + ":after");
}

void FailpointRegistry::declare(std::string_view name) { points_.try_emplace(std::string(name)); }

std::vector<std::string> FailpointRegistry::names() const {
  std::vector<std::string> names;
  names.reserve(points_.size());
  for (const auto& [name, action] : points_) names.push_back(name);
  return names;
}

bool FailpointRegistry::known(std::string_view name) const { return points_.contains(name); }

Result<> FailpointRegistry::arm(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return invalid(text, "is not NAME=ACTION");
  const auto point = points_.find(text.substr(0, equals));
  if (point == points_.end()) {
    return Error(Code::kInvalidArgument,
                 fmt::format("there is no failpoint \"{}\"", text.substr(0, equals)))
        .with_reason("FAILPOINT_UNKNOWN");
  }
  const std::optional<Action> action = parse(text.substr(equals + 1));
  if (!action.has_value()) {
    return invalid(text,
                   "the action is none of error, error:ERRNO, kill, stop, delay:MILLISECONDS");
  }
  point->second = *action;
  return {};
}

std::optional<FailpointRegistry::Action> FailpointRegistry::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  const bool bare = colon == std::string_view::npos;
  const std::string_view argument = bare ? std::string_view() : text.substr(colon + 1);
  if (word == "kill" && bare) return Action{.kind = Kind::kKill};
  if (word == "stop" && bare) return Action{.kind = Kind::kStop};
  if (word == "error" && bare) return Action{.kind = Kind::kError};
  if (word == "error") {
    const std::optional<int> sys_errno = parse_errno(argument);
    if (sys_errno) return Action{.kind = Kind::kError, .sys_errno = *sys_errno};
  }
  if (word == "delay") {
    const auto delay = parse_number<std::uint32_t>(argument);
    if (delay) return Action{.kind = Kind::kDelay, .delay = std::chrono::milliseconds(*delay)};
  }
  return std::nullopt;
}

Result<> FailpointRegistry::hit(std::string_view name, runtime::CancelToken* cancel) const {
  const auto point = points_.find(name);
  CHECK(point != points_.end());
  const Action& action = point->second;
  if (action.kind != Kind::kNone && told_) told_(name);
  switch (action.kind) {
    case Kind::kNone:
      return {};
    case Kind::kKill:
      kill_ourselves();
    case Kind::kStop:
      // To this thread and not to the process: it goes no step further until SIGCONT.
      ::raise(SIGSTOP);  // NOLINT(cert-err33-c)
      return {};
    case Kind::kDelay:
      if (cancel == nullptr) {
        std::this_thread::sleep_for(action.delay);
      } else {
        // Ends at the deadline or with the cancel, and both are fine.
        static_cast<void>(cancel->wait_for(-1, 0, std::chrono::steady_clock::now() + action.delay));
      }
      return {};
    case Kind::kError:
      break;
  }
  const std::string what = fmt::format("failpoint \"{}\"", name);
  if (action.sys_errno == 0) return Error(Code::kInternal, what).with_reason("FAILPOINT");
  return Error::from_errno(action.sys_errno, what).with_reason("FAILPOINT");
}

}  // namespace skerry::operations
