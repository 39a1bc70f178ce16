#include "cli/foreground.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/log_writer.h"
#include "cli/progress.h"
#include "cli/relay.h"
#include "cli/render/human.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::ContainerService::Stub;

/// Where a signal goes: before the container runs it ends the launch, afterwards it is passed on.
class SignalTarget final {
 public:
  explicit SignalTarget(const Client& client) : client_(client) {}

  void deliver(int signal) {
    const std::scoped_lock lock(mutex_);
    if (!running_) {
      early_signal_ = signal;
      launch_.TryCancel();
      return;
    }
    v1::KillContainerRequest request;
    *request.mutable_container() = *running_;
    request.set_signal(signal);
    const auto sent = client_.call(&Service::Kill, request);
    // The container may have ended at this moment: then there is nobody to tell.
    if (!sent && sent.error().code() != Code::kFailedPrecondition) report(sent.error());
  }

  void set_running(v1::ContainerRef container) {
    const std::scoped_lock lock(mutex_);
    running_ = std::move(container);
  }

  std::optional<int> early_signal() {
    const std::scoped_lock lock(mutex_);
    return early_signal_;
  }

  grpc::ClientContext& launch() { return launch_; }

 private:
  const Client& client_;
  grpc::ClientContext launch_;
  std::mutex mutex_;
  std::optional<v1::ContainerRef> running_;
  std::optional<int> early_signal_;
};

v1::ContainerRef ref_by_id(const v1::LaunchContainerRequest& request) {
  v1::ContainerRef ref;
  ref.set_tenant(request.tenant());
  ref.set_id(request.id());
  return ref;
}

void remove(const Client& client, const v1::ContainerRef& container, bool force) {
  v1::RemoveContainerRequest request;
  *request.mutable_container() = container;
  request.set_force(force);
  const auto removed = client.call(&Service::Remove, request);
  if (!removed && !is_missing_container(removed.error())) report(removed.error());
}

/// The launch was given up: nothing of it should go on, since nobody will look after it.
void abandon(const Client& client, const v1::LaunchContainerRequest& request) {
  v1::StopContainerRequest stop;
  *stop.mutable_container() = ref_by_id(request);
  stop.mutable_grace();
  const auto stopped = client.call(&Service::Stop, stop);
  if (!stopped && stopped.error().code() != Code::kNotFound) report(stopped.error());
  if (request.spec().remove_on_exit()) remove(client, ref_by_id(request), false);
}

/// A Wait that is under way while the log is being read. Its answer comes in by the polling of
/// whoever reads from the same channel, so it needs no thread.
class PendingWait final {
 public:
  PendingWait(const Client& client, const v1::ContainerRef& container)
      : client_(client), stub_(client.channel()) {
    v1::WaitContainerRequest request;
    *request.mutable_container() = container;
    call_ = stub_.AsyncWait(&context_, request, &queue_);
    call_->Finish(&response_, &status_, this);
  }

  Result<v1::ExitInfo> finish() {
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    done_ = true;
    if (!status_.ok()) return client_.to_error(status_);
    return response_.container().exit();
  }

  PendingWait(const PendingWait&) = delete;
  PendingWait& operator=(const PendingWait&) = delete;
  ~PendingWait() {
    if (done_) return;
    context_.TryCancel();
    static_cast<void>(finish());
  }

 private:
  const Client& client_;
  Service stub_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  v1::WaitContainerResponse response_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::WaitContainerResponse>> call_;
  bool done_ = false;
};

Result<> follow_log(const Client& client, const v1::ContainerRef& container) {
  grpc::ClientContext context;
  v1::ReadLogsRequest request;
  *request.mutable_container() = container;
  request.set_follow(true);
  Service stub(client.channel());
  const auto reader = stub.ReadLogs(&context, request);
  LogWriter writer(LogWriter::Times::kHide);
  v1::ReadLogsResponse response;
  while (reader->Read(&response)) writer.write(response);
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return client.to_error(status);
  return {};
}

/// Says what an exit code alone does not.
void explain(const v1::Container& container, const v1::ExitInfo& exit) {
  if (exit.cause() == v1::EXIT_CAUSE_OOM) {
    const auto& limit = container.effective_resources().limits().memory();
    print_error(fmt::format("skerry: killed at its memory limit{}{}\n",
                            limit.bytes() == 0 ? "" : " of ",
                            limit.bytes() == 0 ? "" : human_bytes(limit.bytes())));
  } else if (!exit.message().empty()) {
    print_error(fmt::format("skerry: {}\n", printable(exit.message())));
  }
}

Result<int> attend(const Client& client,
                   const v1::Container& container,
                   const v1::ContainerRef& ref) {
  PendingWait wait(client, ref);
  std::optional<StdinRelay> input;
  if (container.spec().stdin()) input.emplace(client, ref);
  TRY(follow_log(client, ref));
  TRY_ASSIGN(const auto exit, wait.finish());
  explain(container, exit);
  return exit_code_of(exit);
}

}  // namespace

int exit_code_of(const v1::ExitInfo& exit) {
  if (exit.has_code()) return exit.code();
  if (exit.has_signal()) return kExitSignal + exit.signal();
  return kExitDaemon;
}

int exit_code_of_failure(const Error& error) {
  if (error.reason() == "COMMAND_NOT_FOUND") return kExitNotFound;
  if (error.reason() == "COMMAND_NOT_EXECUTABLE") return kExitNotExecutable;
  return kExitDaemon;
}

Result<int> run_in_foreground(const Client& client, const v1::LaunchContainerRequest& request) {
  SignalTarget target(client);
  const SignalRelay signals([&target](int signal) { target.deliver(signal); });
  client.set_deadline(target.launch(), Patience::kOrdinary);
  Service stub(client.channel());
  v1::LaunchContainerResponse launched;
  const grpc::Status status = [&] {
    const StepProgress progress(client, [&] { return uid_of(client, ref_by_id(request)); });
    return stub.Launch(&target.launch(), request, &launched);
  }();
  if (const auto signal = target.early_signal()) {
    abandon(client, request);
    return kExitSignal + *signal;
  }
  if (!status.ok()) {
    Error error = client.to_error(status);
    // Our own deadline: to the daemon that is a caller who hung up, and the launch goes on.
    if (error.code() == Code::kDeadlineExceeded) {
      abandon(client, request);
      return error;
    }
    // A failed launch leaves a record; one that was refused has none and must not cost a call.
    if (request.spec().remove_on_exit() && !error.step().empty()) {
      remove(client, ref_by_id(request), false);
    }
    return error;
  }
  v1::ContainerRef ref;
  ref.set_uid(launched.container().uid());
  target.set_running(ref);
  auto code = attend(client, launched.container(), ref);
  if (request.spec().remove_on_exit()) remove(client, ref, false);
  return code;
}

}  // namespace skerry::cli
