// network: what containers can be attached to, and who is.
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "skerry/v1/network_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::NetworkService::Stub;

struct NetworkOptions {
  OutputOptions output;
  std::vector<std::string> names;
};

std::string ranges_text(const v1::Network& network) {
  std::string text;
  for (const auto& range : network.ranges()) {
    text += (text.empty() ? "" : ", ") + range.subnet();
    if (range.total() == 0) continue;
    text += " (" + std::to_string(range.used()) + " of " + std::to_string(range.total()) + " used)";
  }
  return text;
}

std::string plugins_text(const v1::Network& network) {
  std::string text;
  for (const std::string& plugin : network.plugins()) text += (text.empty() ? "" : " ") + plugin;
  return text;
}

Result<int> network_ls(const Client& client, const NetworkOptions& options) {
  TRY_ASSIGN(const auto response, client.call(&Service::List, v1::ListNetworksRequest()));
  Listing listing(*v1::Network::descriptor(),
                  {{"NAME"},
                   {"PLUGINS"},
                   {"ADDRESSES"},
                   {"MEMBERS"},
                   {"STATE"},
                   {"CNI", true},
                   {"SOURCE", true}});
  for (const auto& network : response.networks()) {
    listing.add(network,
                network.name(),
                {network.name() + (network.is_default() ? " (default)" : ""),
                 plugins_text(network),
                 ranges_text(network),
                 std::to_string(network.members_count()),
                 network.problem().empty() ? Cell("ok", Colour::kGreen)
                                           : Cell(network.problem(), Colour::kRed),
                 network.cni_version(),
                 network.source().empty() ? "built in" : network.source()});
  }
  return print_listing(listing, options.output);
}

Result<int> network_inspect(const Client& client, const NetworkOptions& options) {
  // Pointers into it are kept: no vector.
  std::deque<v1::Network> found;
  const int code = for_each_reporting(options.names, [&](const std::string& name) -> Result<> {
    v1::GetNetworkRequest request;
    request.set_name(name);
    TRY_ASSIGN(auto response, client.call(&Service::Get, request));
    found.push_back(std::move(*response.mutable_network()));
    return {};
  });
  std::vector<const google::protobuf::Message*> objects;
  std::vector<std::string> names;
  for (const auto& network : found) {
    objects.push_back(&network);
    names.push_back(network.name());
  }
  TRY_ASSIGN(const auto text, whole_objects(objects, names, options.output));
  print(text);
  return code;
}

void configure_network_ls(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<NetworkOptions>();
  add_output(app, options->output);
  add_examples(app, {"skerry network ls", "skerry network ls -o wide"});
  invocation.action = [options](const Client& client) { return network_ls(client, *options); };
}

void configure_network_inspect(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<NetworkOptions>();
  app.add_option("NETWORK", options->names, "Its name")->required();
  add_output(app, options->output);
  add_examples(app,
               {"skerry network inspect skerry",
                "skerry network inspect skerry | jq '.[0].infrastructure'"});
  invocation.action = [options](const Client& client) { return network_inspect(client, *options); };
}

}  // namespace

void configure_network(CLI::App& app, Invocation& invocation) {
  add_commands(app,
               invocation,
               {{"ls", "List networks", configure_network_ls},
                {"inspect",
                 "Print everything about networks, as JSON: members and what they made",
                 configure_network_inspect}});
}

}  // namespace skerry::cli
