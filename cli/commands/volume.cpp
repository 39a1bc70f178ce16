// volume: directories with a name that outlive containers.
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/parse/filter.h"
#include "cli/parse/words.h"
#include "cli/render/human.h"
#include "cli/render/json.h"
#include "skerry/v1/volume_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::VolumeService::Stub;

struct VolumeOptions {
  OutputOptions output;
  std::vector<std::string> names;
  std::vector<std::string> labels;
  std::vector<std::string> driver_options;
  std::string name;
  std::string driver;
  bool ask_drivers = false;
  bool quiet = false;
};

v1::VolumeRef ref_of(const Invocation& invocation, const std::string& name) {
  v1::VolumeRef ref;
  ref.set_tenant(invocation.tenant);
  ref.set_name(name);
  return ref;
}

Result<v1::CreateVolumeRequest> create_request(const Invocation& invocation,
                                               const VolumeOptions& options) {
  v1::CreateVolumeRequest request;
  request.set_tenant(invocation.tenant);
  request.set_name(options.name);
  request.set_driver(options.driver);
  for (const std::string& text : options.driver_options) {
    TRY_ASSIGN(auto pair, parse_pair("-o", text));
    (*request.mutable_options())[pair.first] = std::move(pair.second);
  }
  for (const std::string& text : options.labels) {
    TRY_ASSIGN(auto pair, parse_pair("--label", text));
    (*request.mutable_labels())[pair.first] = std::move(pair.second);
  }
  return request;
}

Result<int> volume_create(const Client& client,
                          const Invocation& invocation,
                          const VolumeOptions& options) {
  auto request = create_request(invocation, options);
  if (!request) return std::move(request).error().with_reason(kUsageReason);
  TRY_ASSIGN(const auto created, client.call(&Service::Create, *request));
  print(created.volume().name() + "\n");
  return kExitOk;
}

Result<int> volume_ls(const Client& client,
                      const Invocation& invocation,
                      const VolumeOptions& options) {
  v1::ListVolumesRequest request;
  if (!invocation.tenant.empty()) request.set_tenant(invocation.tenant);
  for (const std::string& text : options.labels) *request.add_labels() = parse_label_selector(text);
  request.set_driver(options.driver);
  request.set_ask_drivers(options.ask_drivers);
  TRY_ASSIGN(const auto response, client.call(&Service::List, request));
  for (const std::string& driver : response.silent_drivers()) {
    print_error(fmt::format("skerry: the driver \"{}\" did not answer\n", printable(driver)));
  }
  const WallTime now = SystemClock().wall();
  std::string names;
  Listing listing(*v1::Volume::descriptor(),
                  {{"NAME"},
                   {"DRIVER"},
                   {"STATE"},
                   {"USED BY"},
                   {"CREATED"},
                   {"TENANT", true},
                   {"MOUNTPOINT", true},
                   {"PROBLEM", true}});
  for (const auto& volume : response.volumes()) {
    names += volume.name() + "\n";
    const auto* state = v1::VolumeState_descriptor()->FindValueByNumber(volume.state());
    const std::string word = state == nullptr ? "unknown" : enum_word(*state);
    listing.add(volume,
                volume.name(),
                {volume.name(),
                 volume.driver(),
                 volume.problem().empty() ? Cell(word) : Cell(word + " (failing)", Colour::kRed),
                 std::to_string(volume.use_count()),
                 human_duration(now - wall_time(volume.created_at())) + " ago",
                 volume.tenant(),
                 volume.mountpoint(),
                 volume.problem()});
  }
  if (!options.quiet) return print_listing(listing, options.output);
  print(names);
  return kExitOk;
}

Result<int> volume_inspect(const Client& client,
                           const Invocation& invocation,
                           const VolumeOptions& options) {
  // Pointers into it are kept: no vector.
  std::deque<v1::Volume> found;
  const int code = for_each_reporting(options.names, [&](const std::string& name) -> Result<> {
    v1::GetVolumeRequest request;
    *request.mutable_volume() = ref_of(invocation, name);
    TRY_ASSIGN(auto response, client.call(&Service::Get, request));
    found.push_back(std::move(*response.mutable_volume()));
    return {};
  });
  std::vector<const google::protobuf::Message*> objects;
  std::vector<std::string> names;
  for (const auto& volume : found) {
    objects.push_back(&volume);
    names.push_back(volume.name());
  }
  TRY_ASSIGN(const auto text, whole_objects(objects, names, options.output));
  print(text);
  return code;
}

Result<int> volume_rm(const Client& client,
                      const Invocation& invocation,
                      const VolumeOptions& options) {
  return for_each_reporting(options.names, [&](const std::string& name) -> Result<> {
    v1::RemoveVolumeRequest request;
    *request.mutable_volume() = ref_of(invocation, name);
    TRY(client.call(&Service::Remove, request));
    print(name + "\n");
    return {};
  });
}

Result<int> volume_drivers(const Client& client, const VolumeOptions& options) {
  TRY_ASSIGN(const auto response,
             client.call(&Service::ListDrivers, v1::ListVolumeDriversRequest()));
  Listing listing(*v1::VolumeDriver::descriptor(),
                  {{"NAME"}, {"KIND"}, {"SCOPE"}, {"VOLUMES"}, {"STATE"}, {"ADDRESS", true}});
  for (const auto& driver : response.drivers()) {
    listing.add(driver,
                driver.name(),
                {driver.name(),
                 driver.kind(),
                 driver.scope(),
                 std::to_string(driver.volumes()),
                 driver.problem().empty() ? Cell("ok", Colour::kGreen)
                                          : Cell(driver.problem(), Colour::kRed),
                 driver.address()});
  }
  return print_listing(listing, options.output);
}

void add_volume_tenant(CLI::App& app, Invocation& invocation) {
  app.add_option("--tenant", invocation.tenant, "Whose volumes (default: \"default\")");
}

void configure_volume_create(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<VolumeOptions>();
  add_volume_tenant(app, invocation);
  app.add_option("NAME", options->name, "Its name")->required();
  app.add_option("-d,--driver", options->driver, "Who keeps it (local)");
  add_repeatable(app, "-o,--opt", options->driver_options, "KEY=VALUE, for the driver");
  add_repeatable(app, "-l,--label", options->labels, "KEY=VALUE, to find it by");
  add_examples(app,
               {"skerry volume create data",
                "skerry volume create -d rclone -o remote=:local:/srv/data data"});
  invocation.action = [&invocation, options](const Client& client) {
    return volume_create(client, invocation, *options);
  };
}

void configure_volume_ls(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<VolumeOptions>();
  app.add_option("--tenant", invocation.tenant, "Only this tenant's (default: everybody's)");
  app.add_flag("-q,--quiet", options->quiet, "Only names");
  app.add_flag("--ask-drivers", options->ask_drivers, "Those too that only their drivers know");
  app.add_option("-d,--driver", options->driver, "Only of this driver");
  add_repeatable(app, "-l,--label", options->labels, "KEY[=VALUE], those with this label");
  add_output(app, options->output);
  add_examples(app, {"skerry volume ls", "skerry volume ls --ask-drivers -d rclone"});
  invocation.action = [&invocation, options](const Client& client) {
    return volume_ls(client, invocation, *options);
  };
}

void configure_volume_inspect(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<VolumeOptions>();
  add_volume_tenant(app, invocation);
  app.add_option("VOLUME", options->names, "Its name")->required();
  add_output(app, options->output);
  add_examples(app, {"skerry volume inspect data"});
  invocation.action = [&invocation, options](const Client& client) {
    return volume_inspect(client, invocation, *options);
  };
}

void configure_volume_rm(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<VolumeOptions>();
  add_volume_tenant(app, invocation);
  app.add_option("VOLUME", options->names, "Its name")->required();
  add_examples(app, {"skerry volume rm data"});
  invocation.action = [&invocation, options](const Client& client) {
    return volume_rm(client, invocation, *options);
  };
}

void configure_volume_drivers(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<VolumeOptions>();
  add_output(app, options->output);
  add_examples(app, {"skerry volume drivers"});
  invocation.action = [options](const Client& client) { return volume_drivers(client, *options); };
}

}  // namespace

void configure_volume(CLI::App& app, Invocation& invocation) {
  add_commands(app,
               invocation,
               {{"create", "Make a volume", configure_volume_create},
                {"ls", "List volumes", configure_volume_ls},
                {"inspect",
                 "Print everything about volumes, as JSON: who uses them too",
                 configure_volume_inspect},
                {"rm", "Remove volumes and what is in them", configure_volume_rm},
                {"drivers", "List what can keep volumes", configure_volume_drivers}});
}

}  // namespace skerry::cli
