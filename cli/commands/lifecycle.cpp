#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/foreground.h"
#include "cli/parse/quantity.h"
#include "cli/parse/words.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::ContainerService::Stub;

/// What the commands of this file have been told.
struct Options {
  std::vector<std::string> containers;
  std::string signal;
  std::string time;
  std::string condition = "exited";
  bool force = false;
  bool all = false;
};

Error usage(Error error) { return std::move(error).with_reason(kUsageReason); }

/// Makes the same call for every container, and prints each as it was typed, as Docker does.
template <class Request, class Response>
Result<int> call_each(const Client& client,
                      const Invocation& invocation,
                      const Options& options,
                      grpc::Status (Service::*method)(grpc::ClientContext*,
                                                      const Request&,
                                                      Response*),
                      Request request,
                      Patience patience = Patience::kOrdinary) {
  return for_each_reporting(options.containers, [&](const std::string& typed) -> Result<> {
    TRY(on_container(client, invocation.tenant, typed, [&](const v1::ContainerRef& ref) {
      *request.mutable_container() = ref;
      return client.call(method, request, patience);
    }));
    print(typed + "\n");
    return {};
  });
}

Result<v1::StopContainerRequest> stop_request(const Options& options) {
  v1::StopContainerRequest request;
  if (!options.signal.empty()) {
    TRY_ASSIGN(const auto signal, parse_signal(options.signal));
    request.set_signal(signal);
  }
  if (!options.time.empty()) {
    constexpr std::int64_t kNanos = 1'000'000'000;
    TRY_ASSIGN(const auto grace, parse_duration(options.time));
    request.mutable_grace()->set_seconds(grace.count() / kNanos);
    request.mutable_grace()->set_nanos(static_cast<std::int32_t>(grace.count() % kNanos));
  }
  return request;
}

Result<v1::WaitCondition> wait_condition(const std::string& word) {
  if (word == "exited") return v1::WAIT_CONDITION_EXITED;
  if (word == "released") return v1::WAIT_CONDITION_RELEASED;
  if (word == "removed") return v1::WAIT_CONDITION_REMOVED;
  return Error(Code::kInvalidArgument, "--for \"" + word + "\" is not exited, released or removed");
}

Result<int> wait_each(const Client& client, const Invocation& invocation, const Options& options) {
  v1::WaitContainerRequest request;
  const auto condition = wait_condition(options.condition);
  if (!condition) return usage(condition.error());
  request.set_condition(*condition);
  return for_each_reporting(options.containers, [&](const std::string& typed) -> Result<> {
    TRY_ASSIGN(const auto response,
               on_container(client, invocation.tenant, typed, [&](const v1::ContainerRef& ref) {
                 *request.mutable_container() = ref;
                 return client.call(&Service::Wait, request, Patience::kEndless);
               }));
    print(std::to_string(exit_code_of(response.container().exit())) + "\n");
    return {};
  });
}

/// What all of them take.
std::shared_ptr<Options> begin(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  add_containers(app, invocation, options->containers);
  return options;
}

}  // namespace

void configure_start(CLI::App& app, Invocation& invocation) {
  const auto options = begin(app, invocation);
  add_examples(app, {"skerry start web", "skerry start job1 job2"});
  invocation.action = [&invocation, options](const Client& client) {
    return call_each(client, invocation, *options, &Service::Start, v1::StartContainerRequest());
  };
}

void configure_stop(CLI::App& app, Invocation& invocation) {
  const auto options = begin(app, invocation);
  app.add_option("-t,--time", options->time, "Time until it is killed, such as 30s");
  app.add_option("-s,--signal", options->signal, "Signal that asks it to end");
  add_examples(app, {"skerry stop web", "skerry stop -t 0 web", "skerry stop -s INT -t 1m db"});
  invocation.action = [&invocation, options](const Client& client) -> Result<int> {
    auto request = stop_request(*options);
    if (!request) return usage(std::move(request).error());
    // The grace may be long, and is the container's to know.
    return call_each(
        client, invocation, *options, &Service::Stop, std::move(*request), Patience::kEndless);
  };
}

void configure_kill(CLI::App& app, Invocation& invocation) {
  const auto options = begin(app, invocation);
  app.add_option("-s,--signal", options->signal, "Signal to send (KILL)");
  app.add_flag("--all", options->all, "To every process of it, not just the first");
  add_examples(app, {"skerry kill web", "skerry kill -s HUP web"});
  invocation.action = [&invocation, options](const Client& client) -> Result<int> {
    v1::KillContainerRequest request;
    request.set_all(options->all);
    if (!options->signal.empty()) {
      const auto signal = parse_signal(options->signal);
      if (!signal) return usage(signal.error());
      request.set_signal(*signal);
    }
    return call_each(client, invocation, *options, &Service::Kill, std::move(request));
  };
}

void configure_remove(CLI::App& app, Invocation& invocation) {
  const auto options = begin(app, invocation);
  app.add_flag("-f,--force", options->force, "Kill it first if it runs");
  add_examples(app, {"skerry rm web", "skerry rm -f web", "skerry rm $(skerry ps -aq)"});
  invocation.action = [&invocation, options](const Client& client) {
    v1::RemoveContainerRequest request;
    request.set_force(options->force);
    return call_each(client, invocation, *options, &Service::Remove, std::move(request));
  };
}

void configure_wait(CLI::App& app, Invocation& invocation) {
  const auto options = begin(app, invocation);
  app.add_option("--for", options->condition, "exited, released or removed (default: exited)");
  add_examples(app, {"skerry wait job", "skerry wait --for removed job"});
  invocation.action = [&invocation, options](const Client& client) {
    return wait_each(client, invocation, *options);
  };
}

void configure_pause(CLI::App& app, Invocation& invocation) {
  const auto options = begin(app, invocation);
  add_examples(app, {"skerry pause web"});
  invocation.action = [&invocation, options](const Client& client) {
    return call_each(client, invocation, *options, &Service::Pause, v1::PauseContainerRequest());
  };
}

void configure_unpause(CLI::App& app, Invocation& invocation) {
  const auto options = begin(app, invocation);
  add_examples(app, {"skerry unpause web"});
  invocation.action = [&invocation, options](const Client& client) {
    return call_each(client, invocation, *options, &Service::Resume, v1::ResumeContainerRequest());
  };
}

}  // namespace skerry::cli
