#include "cli/render/timing.h"

#include <cstdint>

#include <fmt/format.h>

#include "cli/render/table.h"

namespace skerry::cli {
namespace {

constexpr double kNanosecondsPerMicrosecond = 1000;
constexpr double kPercent = 100;

// Numbers end in one column: their cells are padded, as Table begins every cell at the left.
void add(Table& table, std::string name, std::uint64_t took_ns, std::uint64_t total_ns) {
  const auto took = static_cast<double>(took_ns);
  const double share = total_ns == 0 ? 0 : kPercent * took / static_cast<double>(total_ns);
  table.add({std::move(name),
             fmt::format("{:>8.0f}", took / kNanosecondsPerMicrosecond),
             fmt::format("{:>5.1f}", share)});
}

}  // namespace

std::string timing_table(const v1::LaunchTiming& timing) {
  Table table({"PHASE", "      µs", "    %"});
  for (const auto& phase : timing.phases()) {
    add(table, phase.name(), phase.took_ns(), timing.total_ns());
    for (const auto& part : phase.parts()) {
      add(table, "  " + part.name(), part.took_ns(), timing.total_ns());
    }
  }
  add(table, "total", timing.total_ns(), timing.total_ns());
  return table.str();
}

}  // namespace skerry::cli
