#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/parse/words.h"
#include "cli/run_options.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::ContainerService::Stub;

struct UpdateOptions {
  RunOptions resources;
  std::vector<std::string> containers;
  std::vector<std::string> labels;
  std::vector<std::string> label_removals;
  std::optional<std::uint64_t> revision;
};

/// What to change, and a mask of exactly that. Errors: INVALID_ARGUMENT.
Result<v1::UpdateContainerRequest> make_request(const UpdateOptions& options) {
  v1::UpdateContainerRequest request;
  TRY_ASSIGN(*request.mutable_resources(), make_resources(options.resources));
  auto& paths = *request.mutable_update_mask()->mutable_paths();
  const auto& limits = request.resources().limits();
  const auto& requests = request.resources().requests();
  if (limits.has_cpu()) *paths.Add() = "resources.limits.cpu";
  if (limits.has_memory()) *paths.Add() = "resources.limits.memory";
  if (limits.has_swap()) *paths.Add() = "resources.limits.swap";
  if (limits.has_pids()) *paths.Add() = "resources.limits.pids";
  if (requests.has_millicpu()) *paths.Add() = "resources.requests.millicpu";
  if (requests.has_memory_bytes()) *paths.Add() = "resources.requests.memory_bytes";
  if (!options.labels.empty() || !options.label_removals.empty()) *paths.Add() = "labels";
  if (options.revision) request.set_expected_revision(*options.revision);
  if (paths.empty()) return Error(Code::kInvalidArgument, "nothing to change");
  return request;
}

/// The API replaces all labels at once: take those there are, and make sure they still are.
Result<> merge_labels(const Client& client,
                      const UpdateOptions& options,
                      v1::UpdateContainerRequest& request) {
  v1::GetContainerRequest get;
  *get.mutable_container() = request.container();
  get.set_view(v1::CONTAINER_VIEW_BASIC);
  TRY_ASSIGN(auto got, client.call(&Service::Get, get));
  auto& labels = *request.mutable_labels();
  labels = got.container().labels();
  for (const std::string& key : options.label_removals) labels.erase(key);
  for (const std::string& text : options.labels) {
    TRY_ASSIGN(auto pair, parse_pair("--label", text));
    labels[pair.first] = std::move(pair.second);
  }
  if (!options.revision) request.set_expected_revision(got.container().revision());
  return {};
}

Result<int> update(const Client& client,
                   const Invocation& invocation,
                   const UpdateOptions& options) {
  auto request = make_request(options);
  if (!request) return std::move(request).error().with_reason(kUsageReason);
  const bool with_labels = !options.labels.empty() || !options.label_removals.empty();
  return for_each_reporting(options.containers, [&](const std::string& typed) -> Result<> {
    const auto call = [&](const v1::ContainerRef& ref) -> Result<v1::UpdateContainerResponse> {
      *request->mutable_container() = ref;
      if (with_labels) TRY(merge_labels(client, options, *request));
      return client.call(&Service::Update, *request);
    };
    TRY(on_container(client, invocation.tenant, typed, call));
    print(typed + "\n");
    return {};
  });
}

}  // namespace

void configure_update(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<UpdateOptions>();
  add_containers(app, invocation, options->containers);
  add_resource_options(app, options->resources);
  add_repeatable(app, "-l,--label", options->labels, "KEY=VALUE to add or change");
  add_repeatable(app, "--label-rm", options->label_removals, "KEY to remove");
  app.add_option("--revision", options->revision, "Only if it is at this revision");
  add_examples(app,
               {"skerry update -m 128m web",
                "skerry update --cpus unlimited --pids-limit 500 web db",
                "skerry update --label tier=front --label-rm canary web"});
  invocation.action = [&invocation, options](const Client& client) {
    return update(client, invocation, *options);
  };
}

}  // namespace skerry::cli
