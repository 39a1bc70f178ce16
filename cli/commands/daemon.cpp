#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/render/human.h"
#include "cli/render/json.h"
#include "skerry/v1/agent_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::AgentService::Stub;
using Json = nlohmann::ordered_json;

std::string info_text(const v1::GetAgentResponse& agent) {
  const auto& host = agent.host();
  const auto& use = agent.use();
  std::string features;
  for (const auto& feature : agent.features()) features += (features.empty() ? "" : " ") + feature;
  const auto up = SystemClock().wall() - wall_time(agent.started_at());
  std::string text;
  const auto line = [&text](std::string_view key, const std::string& value) {
    text += fmt::format("{:<20}{}\n", key, printable(value));
  };
  line("Daemon:", fmt::format("{} {}, up {}", agent.name(), agent.version(), human_duration(up)));
  line("Root:", agent.root_directory());
  line("Run:", agent.run_directory());
  line("Host:", host.hostname());
  line("Kernel:", fmt::format("{} {}", host.kernel(), host.architecture()));
  line("Boot id:", host.boot_id());
  line("Cgroups:", host.cgroup_mode());
  line("CPUs:",
       fmt::format("{} ({} millicpu requested)", host.processors(), use.requested_millicpu()));
  line("Memory:",
       fmt::format("{} ({} requested)",
                   human_bytes(host.memory_bytes()),
                   human_bytes(use.requested_memory_bytes())));
  line("Swap:", human_bytes(host.swap_bytes()));
  line("Containers:", fmt::format("{} ({} live)", use.containers(), use.live_containers()));
  line("Images:", std::to_string(use.images()));
  line("Features:", features);
  return text;
}

Result<int> info(const Client& client, const OutputOptions& output) {
  TRY_ASSIGN(const auto agent, client.call(&Service::GetAgent, v1::GetAgentRequest()));
  if (output.is_table()) {
    print(info_text(agent));
    return kExitOk;
  }
  TRY_ASSIGN(const auto text, single_value(to_json(agent), output));
  print(text);
  return kExitOk;
}

/// The client's own version is worth having without a daemon.
Result<int> version(const Client& client, const OutputOptions& output) {
  const auto agent = client.call(&Service::GetAgent, v1::GetAgentRequest());
  if (!output.is_table()) {
    Json json = {{"client", {{"version", SKERRY_VERSION}}}};
    if (agent) json["daemon"] = {{"name", agent->name()}, {"version", agent->version()}};
    TRY_ASSIGN(const auto text, single_value(json, output));
    print(text);
  } else {
    std::string text = fmt::format("Client:  {}\n", SKERRY_VERSION);
    if (agent) text += fmt::format("Daemon:  {}\n", printable(agent->version()));
    print(text);
  }
  if (!agent) return agent.error();
  return kExitOk;
}

}  // namespace

void configure_version(CLI::App& app, Invocation& invocation) {
  auto output = std::make_shared<OutputOptions>();
  add_output(app, *output);
  add_examples(app, {"skerry version", "skerry version -o json"});
  invocation.action = [output](const Client& client) { return version(client, *output); };
}

void configure_info(CLI::App& app, Invocation& invocation) {
  auto output = std::make_shared<OutputOptions>();
  add_output(app, *output);
  add_examples(app, {"skerry info", "skerry info -o json | jq .host"});
  invocation.action = [output](const Client& client) { return info(client, *output); };
}

}  // namespace skerry::cli
