// top: the processes of a container.
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <CLI/App.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/parse/quantity.h"
#include "cli/render/human.h"
#include "cli/render/usage.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::ContainerService::Stub;

struct TopOptions {
  OutputOptions output;
  std::string container;
  std::string interval = "2s";
  bool no_stream = false;
};

/// "1:02.50", minutes and seconds of processor time.
std::string cpu_time(std::uint64_t ns) {
  constexpr std::uint64_t kCentisecond = 10'000'000;
  const std::uint64_t hundredths = ns / kCentisecond;
  return fmt::format("{}:{:02}.{:02}", hundredths / 6000, hundredths / 100 % 60, hundredths % 100);
}

Listing process_listing(const v1::ListProcessesResponse& response, CpuMeter& meter) {
  const WallTime time = wall_time(response.time());
  Listing listing(*v1::Process::descriptor(),
                  {{"PID"},
                   {"INSIDE"},
                   {"USER"},
                   {"S"},
                   {"CPU"},
                   {"TIME"},
                   {"MEMORY"},
                   {"STARTED"},
                   {"COMMAND"},
                   {"PPID", true},
                   {"THREADS", true},
                   {"EXEC", true}});
  for (const auto& process : response.processes()) {
    const auto started = wall_time(process.started_at());
    // A number may come back with another process: its start tells them apart.
    const auto life = static_cast<std::uint64_t>(started.time_since_epoch().count());
    listing.add(process,
                std::to_string(process.pid()),
                {std::to_string(process.pid()),
                 process.container_pid() == 0 ? "-" : std::to_string(process.container_pid()),
                 process.user().empty() ? std::to_string(process.user_id()) : process.user(),
                 process.state(),
                 meter.percent(std::to_string(process.pid()), life, time, process.cpu_ns()),
                 cpu_time(process.cpu_ns()),
                 human_bytes(process.resident_bytes()),
                 human_duration(time - started) + " ago",
                 process.command_line(),
                 std::to_string(process.parent_pid()),
                 std::to_string(process.threads()),
                 short_uid(process.exec_uid(), false)});
  }
  return listing;
}

Result<int> top(const Client& client, const Invocation& invocation, const TopOptions& options) {
  auto interval = parse_duration(options.interval);
  if (!interval) return std::move(interval).error().wrap("--interval").with_reason(kUsageReason);
  const bool live = !options.no_stream && options.output.is_table() && ::isatty(STDOUT_FILENO) == 1;
  LiveTable screen(live);
  CpuMeter meter;
  for (;;) {
    TRY_ASSIGN(const auto response,
               on_container(
                   client, invocation.tenant, options.container, [&](const v1::ContainerRef& ref) {
                     v1::ListProcessesRequest request;
                     *request.mutable_container() = ref;
                     return client.call(&Service::ListProcesses, request);
                   }));
    const Listing listing = process_listing(response, meter);
    if (!live) return print_listing(listing, options.output);
    TRY_ASSIGN(const auto text, listing.str(options.output));
    screen.draw(text);
    std::this_thread::sleep_for(*interval);
  }
}

}  // namespace

void configure_top(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<TopOptions>();
  add_container(app, invocation, options->container);
  app.add_flag("--no-stream", options->no_stream, "Show them once, also on a terminal");
  app.add_option("--interval", options->interval, "Time between two looks (2s)");
  add_output(app, options->output);
  add_examples(app, {"skerry top web", "skerry top --no-stream -o wide web"});
  invocation.action = [&invocation, options](const Client& client) {
    return top(client, invocation, *options);
  };
}

}  // namespace skerry::cli
