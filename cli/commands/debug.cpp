#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/render/human.h"
#include "cli/render/json.h"
#include "cli/render/table.h"
#include "skerry/v1/agent_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::AgentService::Stub;

struct DebugOptions {
  OutputOptions output;
  std::string container;
};

Result<int> ops(const Client& client, const DebugOptions& options) {
  TRY_ASSIGN(const auto response,
             client.call(&Service::ListOperations, v1::ListOperationsRequest()));
  const WallTime now = SystemClock().wall();
  Listing listing(
      *v1::Operation::descriptor(),
      {{"ID"}, {"OPERATION"}, {"OBJECT"}, {"STEP"}, {"FOR"}, {"IN STEP FOR"}, {"STATE"}});
  for (const auto& op : response.operations()) {
    const Cell state = op.stuck()       ? Cell("stuck", Colour::kRed)
                       : op.cancelled() ? Cell("undoing", Colour::kYellow)
                                        : Cell("under way");
    listing.add(op,
                op.id(),
                {op.id(),
                 op.kind(),
                 op.object(),
                 op.step(),
                 human_duration(now - wall_time(op.started_at())),
                 human_duration(now - wall_time(op.step_started_at())),
                 state});
  }
  return print_listing(listing, options.output);
}

Result<int> debts(const Client& client, const DebugOptions& options) {
  TRY_ASSIGN(const auto response, client.call(&Service::ListDebts, v1::ListDebtsRequest()));
  const WallTime now = SystemClock().wall();
  Listing listing(*v1::Debt::descriptor(),
                  {{"ID"},
                   {"KIND"},
                   {"OBJECT"},
                   {"CONTAINER"},
                   {"SINCE"},
                   {"TRIES"},
                   {"NEXT TRY"},
                   {"LAST ERROR"}});
  for (const auto& debt : response.debts()) {
    listing.add(debt,
                debt.id(),
                {debt.id(),
                 debt.kind(),
                 debt.object(),
                 short_uid(debt.container_uid(), false),
                 human_duration(now - wall_time(debt.since())) + " ago",
                 std::to_string(debt.tries()),
                 "in " + human_duration(wall_time(debt.next_try_at()) - now),
                 debt.last_error()});
  }
  return print_listing(listing, options.output);
}

Result<int> leaks(const Client& client, const DebugOptions& options) {
  TRY_ASSIGN(const auto response, client.call(&Service::ListLeaks, v1::ListLeaksRequest()));
  if (response.leaks().empty() && options.output.is_table()) {
    print("no leaks\n");
    return kExitOk;
  }
  Listing listing(*v1::Leak::descriptor(), {{"KIND"}, {"OBJECT"}, {"UID"}, {"WHY"}});
  for (const auto& leak : response.leaks()) {
    listing.add(leak, leak.object(), {leak.kind(), leak.object(), leak.uid(), leak.detail()});
  }
  TRY(print_listing(listing, options.output));
  return response.leaks().empty() ? kExitOk : kExitFailure;
}

Result<int> plan(const Client& client, const Invocation& invocation, const DebugOptions& options) {
  TRY_ASSIGN(
      const auto response,
      on_container(client, invocation.tenant, options.container, [&](const v1::ContainerRef& ref) {
        v1::GetPlanRequest request;
        *request.mutable_container() = ref;
        return client.call(&Service::GetPlan, request);
      }));
  print(response.text());
  return kExitOk;
}

Result<int> state(const Client& client, const Invocation& invocation, const DebugOptions& options) {
  TRY_ASSIGN(
      const auto response,
      on_container(client, invocation.tenant, options.container, [&](const v1::ContainerRef& ref) {
        v1::GetStateRequest request;
        *request.mutable_container() = ref;
        return client.call(&Service::GetState, request);
      }));
  if (!options.output.is_table()) {
    TRY_ASSIGN(const auto text, single_value(to_json(response), options.output));
    print(text);
    return kExitOk;
  }
  print(json_text(to_json(response.container())));
  Table table({"SECTION", "KEY", "VALUE"});
  for (const auto& entry : response.entries()) {
    table.add({entry.section(), entry.key(), entry.value()});
  }
  print(table.str());
  return kExitOk;
}

Result<int> config(const Client& client, const DebugOptions& options) {
  TRY_ASSIGN(const auto response, client.call(&Service::GetConfig, v1::GetConfigRequest()));
  Listing listing(*v1::ConfigEntry::descriptor(), {{"KEY"}, {"VALUE"}, {"FROM"}});
  for (const auto& entry : response.entries()) {
    listing.add(entry, entry.key(), {entry.key(), entry.value(), entry.origin()});
  }
  return print_listing(listing, options.output);
}

/// A command that asks about the whole daemon.
template <Result<int> (*kAction)(const Client&, const DebugOptions&)>
void configure_list(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<DebugOptions>();
  add_output(app, options->output);
  add_examples(app,
               {"skerry debug " + app.get_name(), "skerry debug " + app.get_name() + " -o json"});
  invocation.action = [options](const Client& client) { return kAction(client, *options); };
}

void configure_plan(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<DebugOptions>();
  add_container(app, invocation, options->container);
  add_examples(app, {"skerry debug plan web"});
  invocation.action = [&invocation, options](const Client& client) {
    return plan(client, invocation, *options);
  };
}

void configure_state(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<DebugOptions>();
  add_container(app, invocation, options->container);
  add_output(app, options->output);
  add_examples(app, {"skerry debug state web", "skerry debug state web -o json"});
  invocation.action = [&invocation, options](const Client& client) {
    return state(client, invocation, *options);
  };
}

}  // namespace

void configure_debug(CLI::App& app, Invocation& invocation) {
  add_commands(app,
               invocation,
               {{"ops", "Operations in flight or stuck", configure_list<ops>},
                {"debts", "Undos that failed and are tried again", configure_list<debts>},
                {"leaks",
                 "What belongs to no container; exit code 1 if anything does",
                 configure_list<leaks>},
                {"plan", "What a container's launcher did", configure_plan},
                {"state", "Everything recorded about a container", configure_state},
                {"config", "The configuration in force", configure_list<config>}});
}

}  // namespace skerry::cli
