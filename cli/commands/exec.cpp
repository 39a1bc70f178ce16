// exec: one more process in a running container; execs: those there are.
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "base/clock.h"
#include "base/ids.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/foreground.h"
#include "cli/output.h"
#include "cli/parse/words.h"
#include "cli/render/human.h"
#include "cli/render/json.h"
#include "cli/terminal/attached_run.h"
#include "cli/terminal/detach_keys.h"
#include "cli/terminal/raw_mode.h"
#include "cli/terminal/session.h"
#include "skerry/v1/exec_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::ExecService::Stub;
using Stream = GrpcSessionStream<v1::AttachExecRequest, v1::AttachExecResponse>;

struct ExecOptions {
  std::vector<std::string> env;
  std::string detach_keys{kDefaultDetachKeys};
  std::string working_dir;
  std::string user;
  std::string id;
  bool interactive = false;
  bool terminal = false;
  bool detach = false;
  bool keep = false;
  bool privileged = false;
};

class Formatter final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* /*app*/, std::string name) const override {
    return "Usage: " + name + " [OPTIONS] CONTAINER COMMAND [ARG...]\n";
  }
};

Error bad(std::string message) {
  return Error(Code::kInvalidArgument, std::move(message)).with_reason(kUsageReason);
}

Result<v1::ExecSpec> make_spec(const ExecOptions& options, const std::vector<std::string>& words) {
  const Lookup lookup = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
    if (value == nullptr) return std::nullopt;
    return value;
  };
  v1::ExecSpec spec;
  spec.mutable_args()->Assign(words.begin() + 1, words.end());
  std::vector<std::string> env;
  for (const std::string& text : options.env) {
    auto entry = parse_env(text, lookup);
    if (!entry) return std::move(entry).error().wrap("-e").with_reason(kUsageReason);
    if (*entry) merge_env(env, std::move(**entry));
  }
  spec.mutable_env()->Assign(env.begin(), env.end());
  spec.set_working_dir(options.working_dir);
  if (!options.user.empty()) spec.mutable_user()->set_name(options.user);
  spec.set_stdin(options.interactive);
  if (options.terminal) {
    spec.mutable_terminal();
    if (const auto size = terminal_size(STDIN_FILENO)) {
      *spec.mutable_terminal()->mutable_size() = *size;
    }
  }
  if (options.privileged) spec.mutable_capabilities()->add_add("ALL");
  // Whoever waits for it in the foreground wants it gone with them.
  spec.set_on_disconnect(options.detach || options.keep ? v1::ON_DISCONNECT_KEEP
                                                        : v1::ON_DISCONNECT_KILL);
  // Nobody may ever come to read what a detached one writes.
  if (options.detach && !options.terminal) spec.set_output(v1::EXEC_OUTPUT_DISCARD);
  if (options.detach && options.terminal) spec.set_output(v1::EXEC_OUTPUT_DROP);
  return spec;
}

Result<int> attend(const Client& client, const v1::Exec& exec, SessionOptions session) {
  v1::ExecRef ref;
  ref.set_uid(exec.uid());
  session.signal = [&client, ref](int signal) {
    v1::KillExecRequest request;
    *request.mutable_exec() = ref;
    request.set_signal(signal);
    if (const auto sent = client.call(&Service::Kill, request); !sent) report(sent.error());
  };
  grpc::ClientContext context;
  Service stub(client.channel());
  Stream stream(client, context, stub.Attach(&context));
  v1::AttachExecRequest header;
  *header.mutable_header()->mutable_exec() = ref;
  TRY(stream.open(header));
  TRY_ASSIGN(const auto end, run_session(stream, session));
  return exit_code_of(end);
}

Result<int> exec(const Client& client,
                 const Invocation& invocation,
                 const ExecOptions& options,
                 const std::vector<std::string>& words) {
  if (words.empty() || words.front().empty()) return bad("CONTAINER is missing");
  if (words.front().starts_with('-')) return bad("unknown option \"" + words.front() + "\"");
  if (words.size() < 2) return bad("COMMAND is missing");
  if (options.detach && options.interactive) return bad("-d and -i: nobody would feed it");
  auto keys = parse_detach_keys(options.detach_keys);
  if (!keys) return std::move(keys).error().with_reason(kUsageReason);
  // Nothing is started that could not be used then.
  const bool raw = options.terminal && options.interactive;
  if (raw && ::isatty(STDIN_FILENO) != 1) {
    return bad("-t: standard input is no terminal (leave -t out)");
  }
  v1::StartExecRequest request;
  TRY_ASSIGN(*request.mutable_spec(), make_spec(options, words));
  constexpr std::size_t kIdBytes = 8;
  request.set_id(options.id.empty() ? random_hex(kIdBytes) : options.id);
  TRY_ASSIGN(const auto started,
             on_container(client, invocation.tenant, words.front(), [&](const auto& ref) {
               *request.mutable_container() = ref;
               return client.call(&Service::Start, request);
             }));
  if (options.detach) {
    print(started.exec().uid() + "\n");
    return kExitOk;
  }
  return attend(client,
                started.exec(),
                {.terminal = options.terminal,
                 .input = options.interactive,
                 .detach_keys = std::move(*keys),
                 .signal = {}});
}

struct ListOptions {
  OutputOptions output;
  std::string container;
  bool all = false;
};

std::string exec_status(const v1::Exec& exec, WallTime now) {
  const std::string since = human_duration(now - wall_time(exec.started_at()));
  switch (exec.state()) {
    case v1::EXEC_STATE_STARTING:
      return "Starting";
    case v1::EXEC_STATE_RUNNING:
      return (exec.attached() ? "Up " : "Up, detached, ") + since;
    default:
      return "Exited (" + std::to_string(exit_code_of(exec.exit())) + ") " +
             human_duration(now - wall_time(exec.exit().time())) + " ago";
  }
}

Result<int> list(const Client& client, const Invocation& invocation, const ListOptions& options) {
  v1::ListExecsRequest request;
  request.set_all(options.all);
  if (!invocation.tenant.empty()) request.set_tenant(invocation.tenant);
  if (!options.container.empty()) {
    TRY_ASSIGN(*request.mutable_container(),
               resolve_container(client, invocation.tenant, options.container));
  }
  TRY_ASSIGN(const auto response, client.call(&Service::List, request));
  const WallTime now = SystemClock().wall();
  Listing listing(*v1::Exec::descriptor(),
                  {{"UID"}, {"CONTAINER"}, {"COMMAND"}, {"STATUS"}, {"PID"}, {"ID", true}});
  for (const auto& exec : response.execs()) {
    listing.add(exec,
                exec.uid(),
                {short_uid(exec.uid(), false),
                 exec.container_name().empty() ? exec.container_id() : exec.container_name(),
                 exec.command_line(),
                 exec_status(exec, now),
                 exec.pid() == 0 ? "-" : std::to_string(exec.pid()),
                 exec.id()});
  }
  return print_listing(listing, options.output);
}

}  // namespace

void configure_exec(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ExecOptions>();
  add_tenant(app, invocation);
  app.add_flag("-i,--interactive", options->interactive, "It reads standard input");
  app.add_flag("-t,--tty", options->terminal, "It has a terminal");
  app.add_flag("-d,--detach", options->detach, "Print its uid and leave it running");
  add_repeatable(app, "-e,--env", options->env, "NAME=VALUE, or NAME for the caller's value");
  app.add_option("-w,--workdir", options->working_dir, "Working directory inside");
  app.add_option("-u,--user", options->user, "USER[:GROUP], names or numbers");
  app.add_option("--id", options->id, "The key that makes a retry safe (default: random)");
  app.add_flag("--keep", options->keep, "It lives on when this command is killed or cut off");
  app.add_flag("--privileged", options->privileged, "With every capability");
  app.add_option("--detach-keys", options->detach_keys, "Leave by these (ctrl-p,ctrl-q)");
  app.formatter(std::make_shared<Formatter>());
  app.prefix_command();
  add_examples(app,
               {"skerry exec -it web sh",
                "skerry exec -u alice -e A=1 web env",
                "tar c . | skerry exec -i web tar x -C /srv"});
  invocation.exit_code = exit_code_of_failure;
  invocation.before_threads = block_session_signals;
  invocation.action = [&app, &invocation, options](const Client& client) {
    return exec(client, invocation, *options, app.remaining());
  };
}

void configure_execs(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ListOptions>();
  app.add_option("--tenant", invocation.tenant, "Only this tenant's (default: everybody's)");
  app.add_option("CONTAINER", options->container, "Of this container (default: of all)");
  app.add_flag("-a,--all", options->all, "Those that have ended too");
  add_output(app, options->output);
  add_examples(app, {"skerry execs", "skerry execs -a web"});
  invocation.action = [&invocation, options](const Client& client) {
    return list(client, invocation, *options);
  };
}

}  // namespace skerry::cli
