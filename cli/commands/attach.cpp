// attach: a running container's output and input, here.
#include <memory>
#include <string>
#include <utility>

#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/terminal/attached_run.h"
#include "cli/terminal/detach_keys.h"
#include "cli/terminal/session.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

struct AttachOptions {
  std::string container;
  std::string detach_keys{kDefaultDetachKeys};
  std::uint32_t tail = 10;
  bool no_stdin = false;
  bool no_sig_proxy = false;
};

Result<v1::Container> find(const Client& client,
                           const Invocation& invocation,
                           const std::string& typed) {
  TRY_ASSIGN(auto found, on_container(client, invocation.tenant, typed, [&](const auto& ref) {
               v1::GetContainerRequest request;
               *request.mutable_container() = ref;
               return client.call(&v1::ContainerService::Stub::Get, request);
             }));
  return std::move(*found.mutable_container());
}

Result<int> attach(const Client& client,
                   const Invocation& invocation,
                   const AttachOptions& options) {
  auto keys = parse_detach_keys(options.detach_keys);
  if (!keys) return std::move(keys).error().with_reason(kUsageReason);
  TRY_ASSIGN(const auto container, find(client, invocation, options.container));
  v1::AttachContainerRequest::Header header;
  header.mutable_container()->set_uid(container.uid());
  header.set_tail(options.tail);
  header.set_stdin(container.spec().stdin() && !options.no_stdin);
  SessionOptions session{
      .terminal = false, .input = header.stdin(), .detach_keys = std::move(*keys), .signal = {}};
  if (!options.no_sig_proxy) {
    session.signal = [&client, ref = header.container()](int signal) {
      pass_on(client, ref, signal);
    };
  }
  return attach_to(client, header, std::move(session));
}

}  // namespace

void configure_attach(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<AttachOptions>();
  add_container(app, invocation, options->container);
  app.add_flag("--no-stdin", options->no_stdin, "Only watch");
  app.add_option("-n,--tail", options->tail, "Lines of the log to begin with (10)")
      ->check(CLI::Range(0, 10'000));
  app.add_flag("--no-sig-proxy", options->no_sig_proxy, "Signals end this, not the container");
  app.add_option("--detach-keys", options->detach_keys, "Leave by these (ctrl-p,ctrl-q)");
  add_examples(app,
               {"skerry attach web",
                "skerry attach --no-stdin --tail 100 web",
                "skerry attach --detach-keys ctrl-x shell"});
  invocation.before_threads = block_session_signals;
  invocation.action = [&invocation, options](const Client& client) {
    return attach(client, invocation, *options);
  };
}

}  // namespace skerry::cli
