#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/parse/filter.h"
#include "cli/parse/quantity.h"
#include "cli/render/colour.h"
#include "cli/render/human.h"
#include "cli/render/sentence.h"
#include "skerry/v1/event_service.grpc.pb.h"

namespace skerry::cli {
namespace {

struct EventsOptions {
  OutputOptions output;
  std::vector<std::string> filters;
  std::string since;
  std::string until;
};

std::string event_text(const v1::Event& event, Palette palette) {
  const bool bad = event.type() == v1::EVENT_TYPE_CONTAINER_OOM ||
                   event.exit().cause() == v1::EXIT_CAUSE_LAUNCH_FAILED ||
                   event.exit().cause() == v1::EXIT_CAUSE_OOM ||
                   event.exit().cause() == v1::EXIT_CAUSE_SHIM_LOST;
  return paint(rfc3339(wall_time(event.time())), Colour::kDim, palette) + "  " +
         paint(sentence(event), bad ? Colour::kRed : Colour::kNone, palette) + "\n";
}

struct Plan {
  v1::WatchEventsRequest request;
  std::optional<WallTime> until;
};

Result<Plan> make_plan(const EventsOptions& options, const std::string& tenant) {
  Plan plan;
  const WallTime now = SystemClock().wall();
  TRY_ASSIGN(*plan.request.mutable_filter(), parse_event_filter(options.filters));
  if (!tenant.empty()) plan.request.mutable_filter()->set_tenant(tenant);
  if (!options.since.empty()) {
    TRY_ASSIGN(const auto since, parse_time(options.since, now));
    set_timestamp(since, *plan.request.mutable_since());
  }
  if (!options.until.empty()) {
    TRY_ASSIGN(plan.until, parse_time(options.until, now));
    if (options.since.empty() && *plan.until <= now) {
      return Error(Code::kInvalidArgument, "--until in the past needs --since");
    }
    plan.request.set_history_only(*plan.until <= now);
  }
  return plan;
}

Result<int> watch(const Client& client, const Plan& plan, const OutputOptions& output) {
  const Palette palette = palette_of(STDOUT_FILENO);
  grpc::ClientContext context;
  client.set_deadline(context, Patience::kEndless);
  const bool ends_by_clock = plan.until && !plan.request.history_only();
  if (ends_by_clock) {
    context.set_deadline(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(*plan.until));
  }
  v1::EventService::Stub stub(client.channel());
  const auto reader = stub.Watch(&context, plan.request);
  v1::WatchEventsResponse response;
  while (reader->Read(&response)) {
    std::string text;
    for (const auto& event : response.events()) {
      if (plan.until && wall_time(event.time()) > *plan.until) continue;
      if (output.is_table()) {
        text += event_text(event, palette);
        continue;
      }
      auto item = stream_item(event, subject(event), output);
      if (!item) {
        context.TryCancel();
        return std::move(item).error();
      }
      text += *item;
    }
    print(text);
  }
  const grpc::Status status = reader->Finish();
  const bool in_time =
      status.ok() || (ends_by_clock && status.error_code() == grpc::DEADLINE_EXCEEDED);
  if (!in_time) return client.to_error(status);
  return kExitOk;
}

}  // namespace

void configure_events(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<EventsOptions>();
  app.add_option("--tenant", invocation.tenant, "Only this tenant's (default: everybody's)");
  app.add_option("--since", options->since, "Begin with the past: 10m (ago), or a time");
  app.add_option("--until", options->until, "End at this time");
  add_repeatable(app,
                 "-f,--filter",
                 options->filters,
                 "container=NAME, uid=UID, label=KEY[=VALUE] or type=TYPE");
  add_output(app, options->output);
  add_examples(app,
               {"skerry events",
                "skerry events --since 1h --until 0s",
                "skerry events -f container=web -f type=container_oom -o json"});
  invocation.action = [&invocation, options](const Client& client) -> Result<int> {
    auto plan = make_plan(*options, invocation.tenant);
    if (!plan) return std::move(plan).error().with_reason(kUsageReason);
    return watch(client, *plan, options->output);
  };
}

}  // namespace skerry::cli
