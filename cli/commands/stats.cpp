#include <memory>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/render/human.h"
#include "cli/render/json.h"
#include "cli/render/usage.h"
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

Result<std::string> round_text(const v1::WatchStatsResponse& round,
                               CpuMeter& meter,
                               const StatsOptions& options) {
  Listing listing(*v1::ContainerStats::descriptor(),
                  {{"UID"},
                   {"NAME"},
                   {"CPU"},
                   {"MEMORY / LIMIT"},
                   {"MEMORY"},
                   {"PIDS"},
                   {"NET IN / OUT"},
                   {"OOM KILLS"},
                   {"TENANT", true}});
  for (const auto& stats : round.stats()) {
    const std::string& name = stats.name().empty() ? stats.id() : stats.name();
    listing.add(stats,
                name,
                {short_uid(stats.uid(), options.no_trunc),
                 name,
                 meter.percent(
                     stats.uid(), stats.attempt(), wall_time(stats.time()), stats.cpu().usage_ns()),
                 memory_cell(stats.memory()),
                 memory_percent(stats.memory()),
                 pids_cell(stats.pids()),
                 traffic_cell(stats.interfaces()),
                 std::to_string(stats.memory().oom_kills()),
                 stats.tenant()});
  }
  if (options.output.form() != OutputForm::kJson) return listing.str(options.output);
  // A round is a line: an array over many could not be read one by one.
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
  const OutputForm form = options.output.form();
  // What a percentage is of takes two rounds to know.
  const bool needs_two = options.output.is_table() || form == OutputForm::kTemplate;
  LiveTable screen(!options.no_stream && options.output.is_table());
  grpc::ClientContext context;
  client.set_deadline(context, Patience::kEndless);
  Service stub(client.channel());
  const auto reader = stub.WatchStats(&context, request);
  CpuMeter meter;
  v1::WatchStatsResponse round;
  for (int count = 0; reader->Read(&round); ++count) {
    const auto text = round_text(round, meter, options);
    if (text && needs_two && count == 0) continue;
    if (text) screen.draw(*text);
    if (!text || options.no_stream) {
      context.TryCancel();
      if (!text) return text.error();
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
