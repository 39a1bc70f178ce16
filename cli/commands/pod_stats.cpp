// pod stats.
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/pods.h"
#include "cli/render/human.h"
#include "cli/render/usage.h"
#include "skerry/v1/pod_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::PodService::Stub;

struct StatsOptions {
  OutputOptions output;
  std::vector<std::string> pods;
  bool no_stream = false;
};

Listing stats_listing(const v1::GetPodStatsResponse& round, CpuMeter& meter) {
  Listing listing(*v1::PodStats::descriptor(),
                  {{"UID"},
                   {"NAME"},
                   {"CPU"},
                   {"MEMORY / LIMIT"},
                   {"MEMORY"},
                   {"PIDS"},
                   {"NET IN / OUT"},
                   {"CONTAINERS"}});
  for (const auto& stats : round.stats()) {
    const std::string& name = stats.name().empty() ? stats.id() : stats.name();
    listing.add(stats,
                name,
                {short_uid(stats.uid(), false),
                 name,
                 meter.percent(stats.uid(), 0, wall_time(stats.time()), stats.cpu().usage_ns()),
                 memory_cell(stats.memory()),
                 memory_percent(stats.memory()),
                 pids_cell(stats.pids()),
                 traffic_cell(stats.interfaces()),
                 std::to_string(stats.containers_size())});
  }
  return listing;
}

Result<int> stats(const Client& client, const Invocation& invocation, const StatsOptions& options) {
  v1::GetPodStatsRequest request;
  if (!invocation.tenant.empty()) request.set_tenant(invocation.tenant);
  for (const std::string& typed : options.pods) {
    TRY_ASSIGN(const auto pod, resolve_pod(client, invocation.tenant, typed));
    *request.add_pods() = ref_of(pod);
  }
  LiveTable screen(!options.no_stream && options.output.is_table());
  CpuMeter meter;
  // CPU use is a difference, so a table takes two rounds before it can be shown.
  const bool needs_two =
      options.output.is_table() || options.output.form() == OutputForm::kTemplate;
  const auto interval =
      options.no_stream ? std::chrono::milliseconds(500) : std::chrono::seconds(1);
  for (bool first = true;; first = false) {
    TRY_ASSIGN(const auto round, client.call(&Service::GetStats, request));
    TRY_ASSIGN(const auto text, stats_listing(round, meter).str(options.output));
    const bool show = !first || !needs_two;
    if (show) screen.draw(text);
    if (show && options.no_stream) return kExitOk;
    std::this_thread::sleep_for(interval);
  }
}

}  // namespace

void configure_pod_stats(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<StatsOptions>();
  app.add_option("--tenant", invocation.tenant, "Only this tenant's (default: everybody's)");
  app.add_option("POD", options->pods, "These (default: all that have not stopped)");
  app.add_flag("--no-stream", options->no_stream, "Show them once");
  add_output(app, options->output);
  add_examples(app, {"skerry pod stats", "skerry pod stats --no-stream -o json shop"});
  invocation.action = [&invocation, options](const Client& client) {
    return stats(client, invocation, *options);
  };
}

}  // namespace skerry::cli
