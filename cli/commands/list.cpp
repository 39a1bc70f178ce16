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
#include "cli/render/human.h"
#include "cli/render/table.h"
#include "cli/render/timing.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::ContainerService::Stub;

struct PsOptions {
  OutputOptions output;
  std::vector<std::string> filters;
  bool all = false;
  bool quiet = false;
  bool no_trunc = false;
};

bool is_shown(const PsOptions& options, const ListFilter& filter, const v1::Container& container) {
  // A status that was asked for is shown without -a, as Docker does.
  const bool wanted = options.all || filter.request.states_size() != 0 ||
                      container.state() != v1::CONTAINER_STATE_EXITED;
  return wanted && passes(filter, container);
}

/// All pages.
Result<std::vector<v1::Container>> list(const Client& client,
                                        const PsOptions& options,
                                        ListFilter filter) {
  constexpr std::uint32_t kPageSize = 10'000;
  std::vector<v1::Container> containers;
  filter.request.set_page_size(kPageSize);
  do {
    TRY_ASSIGN(auto page, client.call(&Service::List, filter.request));
    for (auto& container : *page.mutable_containers()) {
      if (is_shown(options, filter, container)) containers.push_back(std::move(container));
    }
    filter.request.set_page_token(page.next_page_token());
  } while (!filter.request.page_token().empty());
  return containers;
}

Listing container_listing(const std::vector<v1::Container>& containers, bool no_trunc) {
  constexpr std::size_t kCommandWidth = 30;
  const WallTime now = SystemClock().wall();
  Listing listing(*v1::Container::descriptor(),
                  {{"UID"},
                   {"IMAGE"},
                   {"COMMAND"},
                   {"CREATED"},
                   {"STATUS"},
                   {"PORTS"},
                   {"NAME"},
                   {"ADDRESSES", true},
                   {"POD", true},
                   {"TENANT", true},
                   {"ID", true}});
  for (const auto& container : containers) {
    const std::string& command = container.command_line();
    listing.add(container,
                display_name(container),
                {short_uid(container.uid(), no_trunc),
                 container.root(),
                 "\"" + (no_trunc ? command : cut(command, kCommandWidth)) + "\"",
                 human_duration(now - wall_time(container.created_at())) + " ago",
                 {human_status(container, now), status_colour(container)},
                 ports_text(container.ports()),
                 display_name(container),
                 addresses_text(container.networks()),
                 container.pod_name(),
                 container.tenant(),
                 container.id()});
  }
  return listing;
}

Result<int> ps(const Client& client, const Invocation& invocation, const PsOptions& options) {
  auto filter = parse_list_filter(options.filters);
  if (!filter) return std::move(filter).error().with_reason(kUsageReason);
  if (!invocation.tenant.empty()) filter->request.set_tenant(invocation.tenant);
  TRY_ASSIGN(const auto containers, list(client, options, std::move(*filter)));
  if (!options.quiet) {
    return print_listing(container_listing(containers, options.no_trunc), options.output);
  }
  std::string text;
  for (const auto& container : containers) {
    text += short_uid(container.uid(), options.no_trunc) + "\n";
  }
  print(text);
  return kExitOk;
}

struct InspectOptions {
  OutputOptions output;
  std::vector<std::string> containers;
  bool timing = false;
};

// Of each container a table, under its name where there are several.
std::string timing_text(const std::deque<v1::Container>& containers) {
  std::string text;
  for (const auto& container : containers) {
    if (!text.empty()) text += "\n";
    if (containers.size() > 1) text += display_name(container) + "\n";
    text += container.has_launch_timing() ? timing_table(container.launch_timing())
                                          : "its launch is under way\n";
  }
  return text;
}

Result<int> inspect(const Client& client,
                    const Invocation& invocation,
                    const InspectOptions& options) {
  // Pointers into it are kept: no vector.
  std::deque<v1::Container> found;
  const int code =
      for_each_reporting(options.containers, [&](const std::string& typed) -> Result<> {
        TRY_ASSIGN(const auto response,
                   on_container(client, invocation.tenant, typed, [&](const v1::ContainerRef& ref) {
                     v1::GetContainerRequest request;
                     *request.mutable_container() = ref;
                     request.set_view(v1::CONTAINER_VIEW_FULL);
                     return client.call(&Service::Get, request);
                   }));
        found.push_back(response.container());
        return {};
      });
  std::vector<const google::protobuf::Message*> objects;
  std::vector<std::string> names;
  for (const auto& container : found) {
    objects.push_back(&container);
    names.push_back(display_name(container));
  }
  if (options.timing) {
    print(timing_text(found));
    return code;
  }
  TRY_ASSIGN(const auto text, whole_objects(objects, names, options.output));
  print(text);
  return code;
}

}  // namespace

void configure_ps(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<PsOptions>();
  app.add_option("--tenant", invocation.tenant, "Only this tenant's (default: everybody's)");
  app.add_flag("-a,--all", options->all, "Exited ones too");
  app.add_flag("-q,--quiet", options->quiet, "Only uids");
  app.add_flag("--no-trunc", options->no_trunc, "Whole uids and commands");
  add_repeatable(app,
                 "-f,--filter",
                 options->filters,
                 "label=KEY[=VALUE], status=STATE, name=PART, id=BEGIN or image=NAME");
  add_output(app, options->output);
  add_examples(app,
               {"skerry ps",
                "skerry ps -a -f status=exited -f label=app=web",
                "skerry ps -o json",
                "skerry ps --format '{{.Name}} {{.Status}}'",
                "skerry rm $(skerry ps -aq -f status=exited)"});
  invocation.action = [&invocation, options](const Client& client) {
    return ps(client, invocation, *options);
  };
}

void configure_inspect(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<InspectOptions>();
  add_containers(app, invocation, options->containers);
  add_output(app, options->output);
  app.add_flag("--timing", options->timing, "Where the time of the latest launch went, as a table")
      ->excludes("--output")
      ->excludes("--format");
  add_examples(app,
               {"skerry inspect web",
                "skerry inspect --timing web",
                "skerry inspect web | jq '.[0].exit'",
                "skerry inspect --format '{{.Exit.Code}}' job"});
  invocation.action = [&invocation, options](const Client& client) {
    return inspect(client, invocation, *options);
  };
}

}  // namespace skerry::cli
