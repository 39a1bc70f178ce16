#include <memory>
#include <string>
#include <utility>

#include <CLI/App.hpp>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/log_writer.h"
#include "cli/parse/quantity.h"
#include "cli/render/human.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

struct LogsOptions {
  std::string container;
  std::string since;
  std::string tail;
  bool follow = false;
  bool timestamps = false;
};

Result<v1::ReadLogsRequest> make_request(const LogsOptions& options) {
  v1::ReadLogsRequest request;
  request.set_follow(options.follow);
  if (!options.since.empty()) {
    TRY_ASSIGN(const auto since, parse_time(options.since, SystemClock().wall()));
    set_timestamp(since, *request.mutable_since());
  }
  if (!options.tail.empty() && options.tail != "all") {
    TRY_ASSIGN(const auto tail, parse_count(options.tail));
    request.set_tail(tail);
  }
  return request;
}

Result<bool> stream(const Client& client, const v1::ReadLogsRequest& request, LogWriter& writer) {
  grpc::ClientContext context;
  client.set_deadline(context, Patience::kEndless);
  v1::ContainerService::Stub stub(client.channel());
  const auto reader = stub.ReadLogs(&context, request);
  v1::ReadLogsResponse response;
  while (reader->Read(&response)) writer.write(response);
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return client.to_error(status);
  return true;
}

Result<int> logs(const Client& client, const Invocation& invocation, const LogsOptions& options) {
  auto request = make_request(options);
  if (!request) return std::move(request).error().with_reason(kUsageReason);
  LogWriter writer(options.timestamps ? LogWriter::Times::kShow : LogWriter::Times::kHide);
  TRY(on_container(client, invocation.tenant, options.container, [&](const v1::ContainerRef& ref) {
    *request->mutable_container() = ref;
    return stream(client, *request, writer);
  }));
  return kExitOk;
}

}  // namespace

void configure_logs(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<LogsOptions>();
  add_container(app, invocation, options->container);
  app.add_flag("-f,--follow", options->follow, "Go on until it exits");
  app.add_flag("-t,--timestamps", options->timestamps, "The time in front of every line");
  app.add_option("--since", options->since, "10m (ago), or a time such as 2026-01-31T10:00:00Z");
  app.add_option("-n,--tail", options->tail, "Only the last lines: a number, or all");
  add_examples(app,
               {"skerry logs web", "skerry logs -f --tail 20 web", "skerry logs -t --since 1h db"});
  invocation.action = [&invocation, options](const Client& client) {
    return logs(client, invocation, *options);
  };
}

}  // namespace skerry::cli
