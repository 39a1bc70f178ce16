#include "cli/terminal/attached_run.h"

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "cli/command.h"
#include "cli/foreground.h"
#include "cli/progress.h"
#include "cli/relay.h"
#include "cli/terminal/raw_mode.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::ContainerService::Stub;
using Stream = GrpcSessionStream<v1::AttachContainerRequest, v1::AttachContainerResponse>;

v1::ContainerRef by_uid(const std::string& uid) {
  v1::ContainerRef ref;
  ref.set_uid(uid);
  return ref;
}

void remove(const Client& client, const v1::ContainerRef& container) {
  v1::RemoveContainerRequest request;
  *request.mutable_container() = container;
  request.set_force(true);
  const auto removed = client.call(&Service::Remove, request);
  if (!removed && !is_missing_container(removed.error())) report(removed.error());
}

/// What came of Create: a container, or a signal that came first.
struct Created {
  v1::Container container;
  int signal = 0;
};

/// A signal ends the wait, and what was made of the container with it.
Result<Created> create(const Client& client, const v1::CreateContainerRequest& request) {
  v1::ContainerRef ref;
  ref.set_tenant(request.tenant());
  ref.set_id(request.id());
  grpc::ClientContext context;
  client.set_deadline(context, Patience::kOrdinary);
  std::atomic<int> signal = 0;
  v1::CreateContainerResponse response;
  const grpc::Status status = [&] {
    const SignalRelay relay([&](int number) {
      signal.store(number);
      context.TryCancel();
    });
    const StepProgress progress(client, [&client, ref] { return uid_of(client, ref); });
    Service stub(client.channel());
    return stub.Create(&context, request, &response);
  }();
  if (signal.load() != 0) {
    remove(client, ref);
    return Created{.container = {}, .signal = signal.load()};
  }
  if (!status.ok()) {
    Error error = client.to_error(status);
    // A failed creation leaves a record; one that was refused has none.
    if (request.spec().remove_on_exit() && !error.step().empty()) remove(client, ref);
    return error;
  }
  return Created{.container = response.container(), .signal = 0};
}

Result<SessionEnd> start_in_session(const Client& client,
                                    const v1::Container& container,
                                    const SessionOptions& options) {
  grpc::ClientContext context;
  Service stub(client.channel());
  Stream stream(client, context, stub.Attach(&context));
  v1::AttachContainerRequest header;
  *header.mutable_header()->mutable_container() = by_uid(container.uid());
  header.mutable_header()->set_stdin(options.input);
  TRY(stream.open(header));
  v1::StartContainerRequest start;
  *start.mutable_container() = by_uid(container.uid());
  if (auto started = client.call(&Service::Start, start); !started) {
    stream.cancel();
    [[maybe_unused]] const auto ended = stream.finish();
    return std::move(started).error();
  }
  return run_session(stream, options);
}

}  // namespace

void pass_on(const Client& client, const v1::ContainerRef& container, int signal) {
  v1::KillContainerRequest request;
  *request.mutable_container() = container;
  request.set_signal(signal);
  const auto sent = client.call(&Service::Kill, request);
  if (!sent && sent.error().code() != Code::kFailedPrecondition) report(sent.error());
}

int exit_code_of(const SessionEnd& end) {
  if (end.exit) return exit_code_of(*end.exit);
  return end.signal ? kExitSignal + *end.signal : kExitOk;
}

Result<int> run_with_terminal(const Client& client,
                              const v1::CreateContainerRequest& request,
                              const std::string& detach_keys) {
  v1::CreateContainerRequest sized = request;
  if (const auto size = terminal_size(STDIN_FILENO)) {
    *sized.mutable_spec()->mutable_terminal()->mutable_size() = *size;
  }
  TRY_ASSIGN(const auto created, create(client, sized));
  if (created.signal != 0) return kExitSignal + created.signal;
  const v1::Container& container = created.container;
  const auto ref = by_uid(container.uid());
  const SessionOptions options{
      .terminal = true,
      .input = request.spec().stdin(),
      .detach_keys = detach_keys,
      .signal = [&client, ref](int signal) { pass_on(client, ref, signal); }};
  const auto end = start_in_session(client, container, options);
  const bool detached = end && !end->exit;
  if (request.spec().remove_on_exit() && !detached) remove(client, ref);
  if (!end) return end.error();
  if (detached) print_error(container.uid() + " runs on\n");
  return exit_code_of(*end);
}

Result<int> attach_to(const Client& client,
                      const v1::AttachContainerRequest::Header& header,
                      SessionOptions options) {
  grpc::ClientContext context;
  Service stub(client.channel());
  Stream stream(client, context, stub.Attach(&context));
  v1::AttachContainerRequest request;
  *request.mutable_header() = header;
  TRY_ASSIGN(const auto answer, stream.open(request));
  options.terminal = answer.header().terminal();
  TRY_ASSIGN(const auto end, run_session(stream, options));
  return exit_code_of(end);
}

}  // namespace skerry::cli
