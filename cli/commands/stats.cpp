#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/render/human.h"
#include "cli/render/json.h"
#include "cli/render/table.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::ContainerService::Stub;
using Json = nlohmann::ordered_json;

struct StatsOptions {
  OutputOptions output;
  std::vector<std::string> containers;
  bool no_stream = false;
  bool no_trunc = false;
};

/// Use since the round before, in percent of one CPU.
class CpuMeter final {
 public:
  std::string percent(const v1::ContainerStats& stats) {
    const Sample now{wall_time(stats.time()), stats.cpu().usage_ns(), stats.attempt()};
    const auto before = std::exchange(samples_[stats.uid()], now);
    if (before.attempt != now.attempt || now.time <= before.time) return "--";
    const auto used = static_cast<double>(now.usage_ns - before.usage_ns);
    const auto passed = static_cast<double>((now.time - before.time).count());
    constexpr double kPercent = 100;
    return fmt::format("{:.1f}%", kPercent * used / passed);
  }

 private:
  struct Sample {
    WallTime time;
    std::uint64_t usage_ns = 0;
    std::uint32_t attempt = 0;
  };
  std::map<std::string, Sample> samples_;
};

std::string memory_cell(const v1::MemoryStats& memory) {
  const bool limited = memory.limit().limit_case() == v1::MemoryLimit::kBytes;
  return fmt::format("{} / {}",
                     human_bytes(memory.working_set_bytes()),
                     limited ? human_bytes(memory.limit().bytes()) : "unlimited");
}

std::string memory_percent(const v1::MemoryStats& memory) {
  constexpr double kPercent = 100;
  if (memory.limit().bytes() == 0) return "--";
  return fmt::format("{:.1f}%",
                     kPercent * static_cast<double>(memory.working_set_bytes()) /
                         static_cast<double>(memory.limit().bytes()));
}

std::string pids_cell(const v1::PidsStats& pids) {
  const bool limited = pids.limit().limit_case() == v1::PidsLimit::kCount;
  return limited ? fmt::format("{} / {}", pids.current(), pids.limit().count())
                 : std::to_string(pids.current());
}

std::string stats_table(const v1::WatchStatsResponse& round, CpuMeter& meter, bool no_trunc) {
  Table table({"UID", "NAME", "CPU", "MEMORY / LIMIT", "MEMORY", "PIDS", "OOM KILLS"});
  for (const auto& stats : round.stats()) {
    table.add({short_uid(stats.uid(), no_trunc),
               stats.name().empty() ? stats.id() : stats.name(),
               meter.percent(stats),
               memory_cell(stats.memory()),
               memory_percent(stats.memory()),
               pids_cell(stats.pids()),
               std::to_string(stats.memory().oom_kills())});
  }
  return table.str();
}

std::string json_round(const v1::WatchStatsResponse& round) {
  Json array = Json::array();
  for (const auto& stats : round.stats()) array.push_back(to_json(stats));
  return json_line(array);
}

Result<v1::WatchStatsRequest> make_request(const Client& client,
                                           const Invocation& invocation,
                                           const StatsOptions& options) {
  constexpr std::int32_t kTwoRoundsNanos = 500'000'000;
  v1::WatchStatsRequest request;
  if (!invocation.tenant.empty()) request.set_tenant(invocation.tenant);
  for (const std::string& typed : options.containers) {
    TRY_ASSIGN(*request.add_containers(), resolve_container(client, invocation.tenant, typed));
  }
  if (options.no_stream) request.mutable_interval()->set_nanos(kTwoRoundsNanos);
  return request;
}

/// CPU use is a difference, so a table takes two rounds before it can be shown.
Result<int> stats(const Client& client, const Invocation& invocation, const StatsOptions& options) {
  TRY_ASSIGN(const auto request, make_request(client, invocation, options));
  const bool json = options.output.json();
  const bool clear_screen = !options.no_stream && !json && ::isatty(STDOUT_FILENO) == 1;
  grpc::ClientContext context;
  client.set_deadline(context, Patience::kEndless);
  Service stub(client.channel());
  const auto reader = stub.WatchStats(&context, request);
  CpuMeter meter;
  v1::WatchStatsResponse round;
  for (int count = 0; reader->Read(&round); ++count) {
    const std::string text = json ? json_round(round) : stats_table(round, meter, options.no_trunc);
    const bool show = json || count > 0;
    if (show) print((clear_screen ? "\033[H\033[2J" : "") + text);
    if (show && options.no_stream) {
      context.TryCancel();
      return kExitOk;
    }
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return client.to_error(status);
  return kExitOk;
}

}  // namespace

void configure_stats(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<StatsOptions>();
  app.add_option("--tenant", invocation.tenant, "Only this tenant's (default: everybody's)");
  app.add_option("CONTAINER", options->containers, "These (default: all that run)");
  app.add_flag("--no-stream", options->no_stream, "Show them once");
  app.add_flag("--no-trunc", options->no_trunc, "Whole uids");
  add_output(app, options->output);
  add_examples(
      app, {"skerry stats", "skerry stats --no-stream web db", "skerry stats --no-stream -o json"});
  invocation.action = [&invocation, options](const Client& client) {
    return stats(client, invocation, *options);
  };
}

}  // namespace skerry::cli
