#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/parse/filter.h"
#include "cli/parse/quantity.h"
#include "cli/render/human.h"
#include "cli/render/json.h"
#include "skerry/v1/event_service.grpc.pb.h"

namespace skerry::cli {
namespace {

struct EventsOptions {
  OutputOptions output;
  std::vector<std::string> filters;
  std::string since;
  std::string until;
};

std::string exit_words(const v1::ExitInfo& exit) {
  std::string text = " " + enum_word(*v1::ExitCause_descriptor()->FindValueByNumber(exit.cause()));
  if (exit.has_code()) text += fmt::format(" code={}", exit.code());
  if (exit.has_signal()) text += fmt::format(" signal={}", exit.signal());
  return text;
}

std::string state_word(v1::ContainerState state) {
  const auto* value = v1::ContainerState_descriptor()->FindValueByNumber(state);
  return value == nullptr ? std::to_string(state) : enum_word(*value);
}

/// "2026-… container_state running web 3f2a… (from starting)".
std::string event_line(const v1::Event& event) {
  const auto* type = v1::EventType_descriptor()->FindValueByNumber(event.type());
  std::string line = rfc3339(wall_time(event.time())) + " " +
                     (type == nullptr ? std::to_string(event.type()) : enum_word(*type));
  if (event.type() == v1::EVENT_TYPE_CONTAINER_STATE) line += " " + state_word(event.state());
  if (!event.uid().empty()) {
    line += fmt::format(
        " {} {}", event.name().empty() ? event.id() : event.name(), short_uid(event.uid(), false));
  }
  if (!event.image().empty()) line += " " + event.image();
  if (event.has_exit() && v1::ExitCause_IsValid(event.exit().cause())) {
    line += exit_words(event.exit());
  }
  if (!event.message().empty()) line += ": " + event.message();
  return printable(line) + "\n";
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

Result<int> watch(const Client& client, const Plan& plan, bool json) {
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
      text += json ? json_line(to_json(event)) : event_line(event);
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
    return watch(client, *plan, options->output.json());
  };
}

}  // namespace skerry::cli
