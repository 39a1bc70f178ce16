#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/render/human.h"
#include "cli/render/json.h"
#include "cli/render/table.h"
#include "skerry/v1/agent_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::AgentService::Stub;
using Json = nlohmann::ordered_json;

struct DebugOptions {
  OutputOptions output;
  std::string container;
};

template <class Messages>
void print_json_array(const Messages& messages) {
  Json array = Json::array();
  for (const auto& message : messages) array.push_back(to_json(message));
  print(json_text(array));
}

Result<int> ops(const Client& client, const DebugOptions& options) {
  TRY_ASSIGN(const auto response,
             client.call(&Service::ListOperations, v1::ListOperationsRequest()));
  if (options.output.json()) {
    print_json_array(response.operations());
    return kExitOk;
  }
  const WallTime now = SystemClock().wall();
  Table table({"ID", "OPERATION", "OBJECT", "STEP", "FOR", "IN STEP FOR", "STATE"});
  for (const auto& op : response.operations()) {
    table.add({op.id(),
               op.kind(),
               op.object(),
               op.step(),
               human_duration(now - wall_time(op.started_at())),
               human_duration(now - wall_time(op.step_started_at())),
               op.stuck()       ? "stuck"
               : op.cancelled() ? "undoing"
                                : "under way"});
  }
  print(table.str());
  return kExitOk;
}

Result<int> debts(const Client& client, const DebugOptions& options) {
  TRY_ASSIGN(const auto response, client.call(&Service::ListDebts, v1::ListDebtsRequest()));
  if (options.output.json()) {
    print_json_array(response.debts());
    return kExitOk;
  }
  const WallTime now = SystemClock().wall();
  Table table({"ID", "KIND", "OBJECT", "CONTAINER", "SINCE", "TRIES", "NEXT TRY", "LAST ERROR"});
  for (const auto& debt : response.debts()) {
    table.add({debt.id(),
               debt.kind(),
               debt.object(),
               short_uid(debt.container_uid(), false),
               human_duration(now - wall_time(debt.since())) + " ago",
               std::to_string(debt.tries()),
               "in " + human_duration(wall_time(debt.next_try_at()) - now),
               debt.last_error()});
  }
  print(table.str());
  return kExitOk;
}

Result<int> leaks(const Client& client, const DebugOptions& options) {
  TRY_ASSIGN(const auto response, client.call(&Service::ListLeaks, v1::ListLeaksRequest()));
  if (options.output.json()) {
    print_json_array(response.leaks());
  } else if (response.leaks().empty()) {
    print("no leaks\n");
  } else {
    Table table({"KIND", "OBJECT", "UID", "WHY"});
    for (const auto& leak : response.leaks()) {
      table.add({leak.kind(), leak.object(), leak.uid(), leak.detail()});
    }
    print(table.str());
  }
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
  if (options.output.json()) {
    print(json_text(to_json(response)));
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
  if (options.output.json()) {
    print_json_array(response.entries());
    return kExitOk;
  }
  Table table({"KEY", "VALUE", "FROM"});
  for (const auto& entry : response.entries()) {
    table.add({entry.key(), entry.value(), entry.origin()});
  }
  print(table.str());
  return kExitOk;
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
