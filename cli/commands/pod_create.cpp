// pod create.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>

#include "base/ids.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/parse/words.h"
#include "cli/progress.h"
#include "cli/run_options.h"
#include "skerry/v1/pod_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::PodService::Stub;

struct CreateOptions {
  PodOptions pod;
  /// Only its resource options are registered.
  RunOptions resources;
  std::string name;
  std::string id;
  std::string log_directory;
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
  std::vector<std::string> share;
  bool stop_on_failure = false;
};

Error bad(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

Result<> fill_shared(const std::vector<std::string>& words, v1::SharedNamespaces& shared) {
  for (const std::string& word : words) {
    if (word == "ipc") {
      shared.set_ipc(true);
    } else if (word == "pid") {
      shared.set_pid(true);
    } else {
      return bad("--share \"" + word + "\" is not ipc or pid (network and host name always are)");
    }
  }
  return {};
}

Result<v1::PodSpec> make_spec(const CreateOptions& options) {
  v1::PodSpec spec;
  TRY(fill_pod_spec(options.pod, spec));
  if (!options.share.empty()) TRY(fill_shared(options.share, *spec.mutable_shared()));
  TRY(fill_map("--label", options.labels, *spec.mutable_labels()));
  TRY(fill_map("--annotation", options.annotations, *spec.mutable_annotations()));
  TRY_ASSIGN(const auto resources, make_resources(options.resources));
  if (resources.has_limits() || resources.has_requests()) *spec.mutable_resources() = resources;
  spec.set_log_directory(options.log_directory);
  spec.set_stop_on_failure(options.stop_on_failure);
  return spec;
}

std::string find_uid(const Client& client, const v1::PodRef& pod) {
  v1::GetPodRequest request;
  *request.mutable_pod() = pod;
  const auto found = client.call(&Service::Get, request);
  return found ? found->pod().uid() : "";
}

Result<int> create(const Client& client,
                   const Invocation& invocation,
                   const CreateOptions& options) {
  constexpr std::size_t kIdBytes = 8;
  v1::CreatePodRequest request;
  auto spec = make_spec(options);
  if (!spec) return std::move(spec).error().with_reason(kUsageReason);
  *request.mutable_spec() = std::move(*spec);
  request.set_tenant(invocation.tenant);
  request.set_id(options.id.empty() ? random_hex(kIdBytes) : options.id);
  request.set_name(options.name);
  v1::PodRef ref;
  ref.set_tenant(request.tenant());
  ref.set_id(request.id());
  const StepProgress progress(client, [&client, ref] { return find_uid(client, ref); });
  TRY_ASSIGN(const auto created, client.call(&Service::Create, request));
  print(created.pod().uid() + "\n");
  return kExitOk;
}

}  // namespace

void configure_pod_create(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<CreateOptions>();
  // -h is the host name here, as with run.
  app.set_help_flag("--help", "Print this help and exit");
  add_tenant(app, invocation);
  app.add_option("--name", options->name, "A name for people");
  app.add_option("--id", options->id, "The key that makes a retry safe (default: random)");
  add_repeatable(app, "-l,--label", options->labels, "KEY=VALUE, to find it by");
  add_repeatable(app, "--annotation", options->annotations, "KEY=VALUE, kept as it is");
  add_pod_options(app, options->pod);
  add_repeatable(app, "--share", options->share, "ipc or pid: what its containers share too");
  add_resource_options(app, options->resources);
  app.add_option("--log-directory", options->log_directory, "Where its containers' logs go");
  app.add_flag("--stop-on-failure", options->stop_on_failure, "A member that fails stops it");
  add_examples(app,
               {"skerry pod create --name shop -p 8080:80",
                "skerry run -d --pod shop --name web busybox httpd -f",
                "skerry pod create --name batch --network none --share pid -m 1g --cpus 2"});
  invocation.exit_code = [](const Error&) { return kExitDaemon; };
  invocation.action = [&invocation, options](const Client& client) {
    return create(client, invocation, *options);
  };
}

}  // namespace skerry::cli
