#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "agent/containers/spec.h"

namespace skerry::agent {
namespace {

constexpr std::string_view kTermPrefix = "TERM=";
// What every terminfo knows; a client that knows better says so in `env`.
constexpr std::string_view kDefaultTerm = "TERM=xterm";

}  // namespace

Result<TerminalSize> check_terminal_size(const v1::TerminalSize& size) {
  constexpr std::uint32_t kMax = std::numeric_limits<std::uint16_t>::max();
  if (size.columns() < 1 || size.columns() > kMax || size.rows() < 1 || size.rows() > kMax) {
    return Error(Code::kInvalidArgument,
                 fmt::format("size: {} columns, {} rows: each is from 1 to {}",
                             size.columns(),
                             size.rows(),
                             kMax))
        .with_reason("FIELD_INVALID");
  }
  return TerminalSize{.columns = static_cast<std::uint16_t>(size.columns()),
                      .rows = static_cast<std::uint16_t>(size.rows())};
}

Result<plan::Terminal> check_terminal(const v1::Terminal* spec,
                                      std::vector<std::string>& environment) {
  plan::Terminal out;
  if (spec == nullptr) return out;
  TerminalSize size;
  if (spec->has_size()) {
    TRY_ASSIGN(size, check_terminal_size(spec->size()));
  }
  out.wanted = true;
  out.columns = size.columns;
  out.rows = size.rows;
  const bool given = std::ranges::any_of(
      environment, [](const std::string& entry) { return entry.starts_with(kTermPrefix); });
  if (!given) environment.emplace_back(kDefaultTerm);
  return out;
}

}  // namespace skerry::agent
