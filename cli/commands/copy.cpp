// cp.
#include "cli/copy.h"

#include <memory>
#include <string>
#include <utility>

#include <CLI/App.hpp>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

struct CopyCommand {
  CopyOptions options;
  std::string source;
  std::string target;
};

Error bad(std::string message) {
  return Error(Code::kInvalidArgument, std::move(message)).with_reason(kUsageReason);
}

Result<int> copy(const Client& client, const Invocation& invocation, const CopyCommand& command) {
  auto source = parse_copy_path(command.source);
  auto target = parse_copy_path(command.target);
  if (!source) return std::move(source).error().wrap("SRC").with_reason(kUsageReason);
  if (!target) return std::move(target).error().wrap("DST").with_reason(kUsageReason);
  const bool inside = !target->container.empty();
  if (inside == !source->container.empty()) {
    return bad(inside ? "from container to container: skerry cp A:/x - | skerry cp - B:/"
                      : "neither SRC nor DST is CONTAINER:PATH");
  }
  TRY_ASSIGN(
      const auto container,
      resolve_container(client, invocation.tenant, inside ? target->container : source->container));
  TRY(inside ? copy_in(client, container, *source, *target, command.options)
             : copy_out(client, container, *source, *target, command.options));
  return kExitOk;
}

}  // namespace

void configure_copy(CLI::App& app, Invocation& invocation) {
  auto command = std::make_shared<CopyCommand>();
  add_tenant(app, invocation);
  app.add_option("SRC", command->source, "PATH, CONTAINER:PATH, or - for a tar stream")->required();
  app.add_option("DST", command->target, "PATH, CONTAINER:PATH, or - for a tar stream")->required();
  app.add_flag("-a,--archive", command->options.keep_owners, "Keep owners");
  app.add_flag("-L,--follow-link", command->options.follow_link, "Follow links of SRC on the host");
  add_examples(app,
               {"skerry cp site/. web:/www",
                "skerry cp web:/var/log/app.log .",
                "skerry cp web:/etc - | tar t"});
  invocation.action = [&invocation, command](const Client& client) {
    return copy(client, invocation, *command);
  };
}

}  // namespace skerry::cli
