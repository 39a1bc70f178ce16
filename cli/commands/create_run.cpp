#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "base/ids.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/foreground.h"
#include "cli/pods.h"
#include "cli/progress.h"
#include "cli/relay.h"
#include "cli/run_options.h"
#include "cli/terminal/attached_run.h"
#include "cli/terminal/detach_keys.h"
#include "cli/terminal/session.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

/// What follows IMAGE is not ours to parse, so CLI11 does not know of it.
class Formatter final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* /*app*/, std::string name) const override {
    return "Usage: " + name + " [OPTIONS] IMAGE [COMMAND [ARG...]]\n";
  }
};

constexpr std::size_t kIdBytes = 8;
/// Long enough to fetch the end of a log over the slowest disk; the record goes with us otherwise.
constexpr std::int64_t kKeepSeconds = 60;

Surroundings surroundings() {
  std::error_code ignored;
  return {.working_directory = std::filesystem::current_path(ignored).string(),
          .environment = [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
            if (value == nullptr) return std::nullopt;
            return value;
          }};
}

/// Create and Launch take the same fields. Errors: reason USAGE for what was typed; what asking for
/// the pod gave.
template <class Request>
Result<Request> make_request(const Client& client,
                             const RunOptions& options,
                             const std::string& tenant,
                             const std::vector<std::string>& words) {
  Request request;
  auto spec = make_spec(options, words, surroundings());
  if (!spec) return std::move(spec).error().with_reason(kUsageReason);
  *request.mutable_spec() = std::move(*spec);
  if (!options.pod.empty()) {
    TRY_ASSIGN(const auto pod, resolve_pod(client, tenant, options.pod));
    *request.mutable_spec()->mutable_join_pod() = ref_of(pod);
  }
  request.set_tenant(tenant);
  request.set_id(options.id.empty() ? random_hex(kIdBytes) : options.id);
  request.set_name(options.name);
  return request;
}

Result<int> run_attached(const Client& client,
                         const RunOptions& options,
                         const v1::LaunchContainerRequest& launch) {
  auto keys = parse_detach_keys(options.detach_keys);
  if (!keys) return std::move(keys).error().with_reason(kUsageReason);
  // Nothing is created that could not be used then.
  if (options.interactive && ::isatty(STDIN_FILENO) != 1) {
    return Error(Code::kInvalidArgument, "-t: standard input is no terminal (leave -t out)")
        .with_reason(kUsageReason);
  }
  v1::CreateContainerRequest request;
  request.set_tenant(launch.tenant());
  request.set_id(launch.id());
  request.set_name(launch.name());
  *request.mutable_spec() = launch.spec();
  return run_with_terminal(client, request, *keys);
}

std::string find_uid(const Client& client, const v1::LaunchContainerRequest& request) {
  v1::ContainerRef ref;
  ref.set_tenant(request.tenant());
  ref.set_id(request.id());
  return uid_of(client, ref);
}

Result<int> run(const Client& client,
                const RunOptions& options,
                v1::LaunchContainerRequest request) {
  if (!options.detach) {
    // The server removes what we cannot any more, should we be killed; until then the exit and the
    // log have to be there to be read.
    if (options.remove && options.ttl.empty()) {
      request.mutable_spec()->mutable_ttl()->set_seconds(kKeepSeconds);
    }
    if (options.terminal) return run_attached(client, options, request);
    return run_in_foreground(client, request);
  }
  request.set_view(v1::CONTAINER_VIEW_BASIC);
  const StepProgress progress(client, [&] { return find_uid(client, request); });
  TRY_ASSIGN(const auto launched, client.call(&v1::ContainerService::Stub::Launch, request));
  print(launched.container().uid() + "\n");
  return kExitOk;
}

}  // namespace

void configure_run(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<RunOptions>();
  add_tenant(app, invocation);
  add_run_options(app, *options);
  app.add_flag("-d,--detach", options->detach, "Print its uid and leave it running");
  app.add_option("--detach-keys", options->detach_keys, "With -t: leave by these (ctrl-p,ctrl-q)");
  app.formatter(std::make_shared<Formatter>());
  add_examples(
      app,
      {"skerry run --rm busybox echo hello",
       "skerry run -it --rm busybox sh",
       "skerry run -d --name web -m 64m -p 8080:80 -v /srv/www:/www:ro busybox httpd -f",
       "echo hello | skerry run -i --rm busybox tr a-z A-Z",
       "",
       "Exit codes: 125 failed, 126 not executable, 127 not found, 128+N ended by signal N,",
       "else the command's own. Of the other commands: 0, 1 failed, 2 wrong usage."});
  invocation.exit_code = exit_code_of_failure;
  invocation.before_threads = [options] {
    if (options->detach) return;
    if (options->terminal) {
      block_session_signals();
    } else {
      block_relayed_signals();
    }
  };
  invocation.action = [&app, &invocation, options](const Client& client) -> Result<int> {
    TRY_ASSIGN(auto request,
               make_request<v1::LaunchContainerRequest>(
                   client, *options, invocation.tenant, app.remaining()));
    return run(client, *options, std::move(request));
  };
}

void configure_create(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<RunOptions>();
  add_tenant(app, invocation);
  add_run_options(app, *options);
  app.formatter(std::make_shared<Formatter>());
  add_examples(app,
               {"skerry create --name job busybox sleep 60",
                "skerry create --id deploy-7 --label app=web -m 128m busybox httpd -f"});
  invocation.exit_code = exit_code_of_failure;
  invocation.action = [&app, &invocation, options](const Client& client) -> Result<int> {
    TRY_ASSIGN(const auto request,
               make_request<v1::CreateContainerRequest>(
                   client, *options, invocation.tenant, app.remaining()));
    TRY_ASSIGN(const auto created, client.call(&v1::ContainerService::Stub::Create, request));
    print(created.container().uid() + "\n");
    return kExitOk;
  };
}

}  // namespace skerry::cli
