// pod ls, inspect, stop, rm. (pod create and stats: pod_create.cpp, pod_stats.cpp)
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/parse/filter.h"
#include "cli/parse/quantity.h"
#include "cli/pods.h"
#include "cli/render/human.h"
#include "cli/render/json.h"
#include "skerry/v1/pod_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::PodService::Stub;

struct PodCommandOptions {
  OutputOptions output;
  std::vector<std::string> pods;
  std::vector<std::string> labels;
  std::string time;
  bool all = false;
  bool force = false;
  bool quiet = false;
  bool no_trunc = false;
};

std::shared_ptr<PodCommandOptions> begin(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<PodCommandOptions>();
  add_tenant(app, invocation);
  app.add_option("POD", options->pods, "Name, id, uid, or the beginning of a uid")->required();
  return options;
}

Result<std::vector<v1::Pod>> list(const Client& client,
                                  const Invocation& invocation,
                                  const PodCommandOptions& options) {
  v1::ListPodsRequest request;
  if (!invocation.tenant.empty()) request.set_tenant(invocation.tenant);
  for (const std::string& text : options.labels) {
    *request.add_labels() = parse_label_selector(text);
  }
  std::vector<v1::Pod> pods;
  do {
    TRY_ASSIGN(auto page, client.call(&Service::List, request));
    for (auto& pod : *page.mutable_pods()) {
      if (options.all || pod.state() != v1::POD_STATE_STOPPED) pods.push_back(std::move(pod));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return pods;
}

Cell status_cell(const v1::Pod& pod, WallTime now) {
  const auto ago = [now](const auto& stamp) { return human_duration(now - wall_time(stamp)); };
  switch (pod.state()) {
    case v1::POD_STATE_READY:
      return {"Ready " + ago(pod.ready_at()), Colour::kGreen};
    case v1::POD_STATE_STOPPED:
      if (pod.stop_cause() == v1::POD_STOP_CAUSE_STOPPED) {
        return "Stopped " + ago(pod.stopped_at()) + " ago";
      }
      return {"Stopped (" +
                  enum_word(*v1::PodStopCause_descriptor()->FindValueByNumber(pod.stop_cause())) +
                  ") " + ago(pod.stopped_at()) + " ago",
              Colour::kRed};
    case v1::POD_STATE_STOPPING:
      return {"Stopping", Colour::kYellow};
    default:
      return {"Preparing", Colour::kYellow};
  }
}

/// "2/3": those that run, of all.
std::string members(const v1::Pod& pod) {
  int running = 0;
  for (const auto& member : pod.containers()) {
    running += member.state() == v1::CONTAINER_STATE_RUNNING ? 1 : 0;
  }
  return std::to_string(running) + "/" + std::to_string(pod.containers_size());
}

Result<int> pod_ls(const Client& client,
                   const Invocation& invocation,
                   const PodCommandOptions& options) {
  TRY_ASSIGN(const auto pods, list(client, invocation, options));
  const WallTime now = SystemClock().wall();
  std::string uids;
  Listing listing(*v1::Pod::descriptor(),
                  {{"UID"},
                   {"NAME"},
                   {"STATUS"},
                   {"RUNNING"},
                   {"ADDRESSES"},
                   {"PORTS"},
                   {"CREATED"},
                   {"TENANT", true},
                   {"ID", true},
                   {"HOSTNAME", true}});
  for (const auto& pod : pods) {
    uids += short_uid(pod.uid(), options.no_trunc) + "\n";
    listing.add(pod,
                display_name(pod),
                {short_uid(pod.uid(), options.no_trunc),
                 display_name(pod),
                 status_cell(pod, now),
                 members(pod),
                 addresses_text(pod.networks()),
                 ports_text(pod.ports()),
                 human_duration(now - wall_time(pod.created_at())) + " ago",
                 pod.tenant(),
                 pod.id(),
                 pod.hostname()});
  }
  if (!options.quiet) return print_listing(listing, options.output);
  print(uids);
  return kExitOk;
}

Result<int> pod_inspect(const Client& client,
                        const Invocation& invocation,
                        const PodCommandOptions& options) {
  // Pointers into it are kept: no vector.
  std::deque<v1::Pod> found;
  const int code = for_each_reporting(options.pods, [&](const std::string& typed) -> Result<> {
    v1::GetPodRequest request;
    TRY_ASSIGN(const auto pod, resolve_pod(client, invocation.tenant, typed));
    *request.mutable_pod() = ref_of(pod);
    TRY_ASSIGN(auto response, client.call(&Service::Get, request));
    found.push_back(std::move(*response.mutable_pod()));
    return {};
  });
  std::vector<const google::protobuf::Message*> objects;
  std::vector<std::string> names;
  for (const auto& pod : found) {
    objects.push_back(&pod);
    names.push_back(display_name(pod));
  }
  TRY_ASSIGN(const auto text, whole_objects(objects, names, options.output));
  print(text);
  return code;
}

Result<int> pod_stop(const Client& client,
                     const Invocation& invocation,
                     const PodCommandOptions& options) {
  v1::StopPodRequest request;
  if (!options.time.empty()) {
    constexpr std::int64_t kNanos = 1'000'000'000;
    auto grace = parse_duration(options.time);
    if (!grace) return std::move(grace).error().wrap("-t").with_reason(kUsageReason);
    request.mutable_grace()->set_seconds(grace->count() / kNanos);
    request.mutable_grace()->set_nanos(static_cast<std::int32_t>(grace->count() % kNanos));
  }
  return for_each_reporting(options.pods, [&](const std::string& typed) -> Result<> {
    TRY_ASSIGN(const auto pod, resolve_pod(client, invocation.tenant, typed));
    *request.mutable_pod() = ref_of(pod);
    TRY(client.call(&Service::Stop, request, Patience::kEndless));
    print(typed + "\n");
    return {};
  });
}

Result<int> pod_rm(const Client& client,
                   const Invocation& invocation,
                   const PodCommandOptions& options) {
  return for_each_reporting(options.pods, [&](const std::string& typed) -> Result<> {
    TRY_ASSIGN(const auto pod, resolve_pod(client, invocation.tenant, typed));
    v1::RemovePodRequest request;
    *request.mutable_pod() = ref_of(pod);
    request.set_force(options.force);
    TRY(client.call(&Service::Remove, request));
    print(typed + "\n");
    return {};
  });
}

void configure_pod_ls(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<PodCommandOptions>();
  app.add_option("--tenant", invocation.tenant, "Only this tenant's (default: everybody's)");
  app.add_flag("-a,--all", options->all, "Stopped ones too");
  app.add_flag("-q,--quiet", options->quiet, "Only uids");
  app.add_flag("--no-trunc", options->no_trunc, "Whole uids");
  add_repeatable(app, "-l,--label", options->labels, "KEY[=VALUE], those with this label");
  add_output(app, options->output);
  add_examples(app, {"skerry pod ls", "skerry pod ls -a -o wide", "skerry pod ls -l app=shop"});
  invocation.action = [&invocation, options](const Client& client) {
    return pod_ls(client, invocation, *options);
  };
}

void configure_pod_inspect(CLI::App& app, Invocation& invocation) {
  const auto options = begin(app, invocation);
  add_output(app, options->output);
  add_examples(
      app,
      {"skerry pod inspect shop", "skerry pod inspect shop | jq '.[0].networks[0].addresses'"});
  invocation.action = [&invocation, options](const Client& client) {
    return pod_inspect(client, invocation, *options);
  };
}

void configure_pod_stop(CLI::App& app, Invocation& invocation) {
  const auto options = begin(app, invocation);
  app.add_option(
      "-t,--time", options->time, "Time until its containers are killed (default: as each says)");
  add_examples(app, {"skerry pod stop shop", "skerry pod stop -t 0 shop"});
  invocation.action = [&invocation, options](const Client& client) {
    return pod_stop(client, invocation, *options);
  };
}

void configure_pod_rm(CLI::App& app, Invocation& invocation) {
  const auto options = begin(app, invocation);
  app.add_flag("-f,--force", options->force, "Kill its containers first if it has not stopped");
  add_examples(app, {"skerry pod rm shop", "skerry pod rm -f shop"});
  invocation.action = [&invocation, options](const Client& client) {
    return pod_rm(client, invocation, *options);
  };
}

}  // namespace

void configure_pod(CLI::App& app, Invocation& invocation) {
  add_commands(app,
               invocation,
               {{"create", "Make a pod containers can join", configure_pod_create},
                {"ls", "List pods", configure_pod_ls},
                {"inspect", "Print everything about pods, as JSON", configure_pod_inspect},
                {"stop", "Stop pods and their containers", configure_pod_stop},
                {"rm", "Remove pods and their containers", configure_pod_rm},
                {"stats", "Show what pods use", configure_pod_stats}});
}

}  // namespace skerry::cli
