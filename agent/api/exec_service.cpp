#include "agent/api/exec_service.h"

#include <csignal>

#include <google/protobuf/util/time_util.h>

#include "agent/api/attach_stream.h"
#include "agent/api/unary_call.h"
#include "agent/execs/exec_target.h"
#include "agent/execs/one_shot.h"

namespace skerry::agent {
namespace {

using google::protobuf::util::TimeUtil;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using skerry::v1::AttachExecRequest;
using skerry::v1::AttachExecResponse;

constexpr int kMaxSignal = 64;
constexpr std::int64_t kMaxTimeoutSeconds = std::int64_t{24} * 3600;
constexpr std::size_t kMaxInput = 1UL << 20U;
constexpr std::uint64_t kMaxOutput = 4ULL << 20U;

Error bad_field(const std::string& message) {
  return Error(Code::kInvalidArgument, message).with_reason("FIELD_INVALID");
}

ServerUnaryReactor* refuse(UnaryCall* call, const Error& error) {
  call->pending()->finish(to_status(error), [] {});
  return call;
}

template <class Response>
ExecReply exec_reply(const std::shared_ptr<PendingCall>& call, Response* response) {
  return [call, response](const Result<ExecViewPtr>& view) {
    if (!view) return call->finish(to_status(view.error()), [] {});
    call->finish(grpc::Status::OK, [&] { *response->mutable_exec() = (*view)->exec; });
  };
}

Result<OneShotRequest> to_one_shot(const skerry::v1::RunExecRequest& request) {
  OneShotRequest out;
  TRY_ASSIGN(out.checked, check_run_spec(request.spec()));
  out.container = request.container();
  if (request.input().size() > kMaxInput) return bad_field("input: is above 1 MiB");
  out.input = request.input();
  if (request.has_timeout()) {
    const auto& timeout = request.timeout();
    const bool sane =
        timeout.seconds() >= 0 && timeout.nanos() >= 0 && timeout.seconds() <= kMaxTimeoutSeconds;
    if (sane) out.timeout = std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(timeout));
    if (out.timeout.count() <= 0) return bad_field("timeout: is not between 1 ms and 24 h");
  }
  if (request.has_max_output_bytes()) {
    if (request.max_output_bytes() < 1 || request.max_output_bytes() > kMaxOutput) {
      return bad_field("max_output_bytes: is not between 1 and 4 MiB");
    }
    out.max_output = request.max_output_bytes();
  }
  return out;
}

/// A call of Run: what it started dies with it.
class RunCall final : public ServerUnaryReactor {
 public:
  RunCall(ApiContext& context, skerry::v1::RunExecResponse* response)
      : context_(context), shared_(std::make_shared<Shared>(this)), response_(response) {}

  void begin(OneShotRequest request) {
    context_.reactor.post([&context = context_,
                           shared = shared_,
                           response = response_,
                           request = std::move(request)]() mutable {
      if (shared->call.done()) return;
      shared->run =
          OneShot::start(context.execs,
                         context.reactor,
                         std::move(request),
                         [shared, response](Result<skerry::v1::RunExecResponse> result) {
                           shared->run.reset();
                           if (!result)
                             return shared->call.finish(to_status(result.error()), [] {});
                           shared->call.finish(grpc::Status::OK, [&] { response->Swap(&*result); });
                         });
    });
  }

  void refuse(const Error& error) {
    shared_->call.finish(to_status(error), [] {});
  }

  // NOLINTBEGIN(readability-identifier-naming)
  void OnCancel() override {
    context_.reactor.post([shared = shared_] {
      // In this order: an answer of the run finds the call finished.
      shared->call.finish(grpc::Status::CANCELLED, [] {});
      const auto run = std::exchange(shared->run, nullptr);
      if (run) run->abandon();
    });
  }
  void OnDone() override { delete this; }
  // NOLINTEND(readability-identifier-naming)

 private:
  struct Shared {
    explicit Shared(ServerUnaryReactor* reactor) : call(reactor) {}
    PendingCall call;
    std::shared_ptr<OneShot> run;  // reactor's
  };

  ApiContext& context_;
  std::shared_ptr<Shared> shared_;
  skerry::v1::RunExecResponse* response_;
};

}  // namespace

ServerUnaryReactor* ExecServiceImpl::Start(CallbackServerContext*,
                                           const skerry::v1::StartExecRequest* request,
                                           skerry::v1::StartExecResponse* response) {
  auto* call = new UnaryCall();
  auto checked = check_exec_spec(request->spec());
  if (!checked) return refuse(call, checked.error());
  context_.reactor.post([this,
                         start = StartExec{.container = request->container(),
                                           .id = request->id(),
                                           .checked = std::move(*checked)},
                         reply = exec_reply(call->pending(), response)]() mutable {
    context_.execs.start(start, std::move(reply));
  });
  return call;
}

grpc::ServerBidiReactor<AttachExecRequest, AttachExecResponse>* ExecServiceImpl::Attach(
    CallbackServerContext*) {
  using Stream = AttachStream<AttachExecRequest, AttachExecResponse>;
  return new Stream(context_,
                    [this](const AttachExecRequest::Header& header,
                           std::function<void()> on_ready,
                           const std::function<void(Result<Stream::Session::Connected>)>& done) {
                      auto target =
                          attach_to_exec(context_.execs, header.exec(), std::move(on_ready));
                      if (!target) return done(std::move(target).error());
                      Stream::Session::Connected connected;
                      connected.first = std::move(*target);
                      // Just attached to, it is there.
                      const auto exec = context_.execs.find(header.exec());
                      if (exec) *connected.second.mutable_exec() = (*exec)->view->exec;
                      done(std::move(connected));
                    });
}

ServerUnaryReactor* ExecServiceImpl::Resize(CallbackServerContext*,
                                            const skerry::v1::ResizeExecRequest* request,
                                            skerry::v1::ResizeExecResponse*) {
  auto* call = new UnaryCall();
  const auto size = check_terminal_size(request->size());
  if (!size) return refuse(call, size.error());
  context_.reactor.post([this, ref = request->exec(), size = *size, pending = call->pending()] {
    const auto resized = context_.execs.resize(ref, size);
    pending->finish(resized ? grpc::Status::OK : to_status(resized.error()), [] {});
  });
  return call;
}

ServerUnaryReactor* ExecServiceImpl::Wait(CallbackServerContext*,
                                          const skerry::v1::WaitExecRequest* request,
                                          skerry::v1::WaitExecResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post([this,
                         ref = request->exec(),
                         pending = call->pending(),
                         reply = exec_reply(call->pending(), response)]() mutable {
    context_.execs.wait(
        ref, ExecGoal::kExited, std::move(reply), [pending] { return pending->done(); });
  });
  return call;
}

ServerUnaryReactor* ExecServiceImpl::Kill(CallbackServerContext*,
                                          const skerry::v1::KillExecRequest* request,
                                          skerry::v1::KillExecResponse*) {
  auto* call = new UnaryCall();
  const int signal = request->has_signal() ? request->signal() : SIGKILL;
  if (signal < 1 || signal > kMaxSignal) {
    return refuse(call,
                  bad_field("signal: " + std::to_string(signal) + " is not between 1 and 64"));
  }
  context_.reactor.post(
      [this, ref = request->exec(), signal, all = request->all(), pending = call->pending()] {
        context_.execs.kill(ref, signal, all, [pending](const Result<ExecViewPtr>& result) {
          pending->finish(result ? grpc::Status::OK : to_status(result.error()), [] {});
        });
      });
  return call;
}

ServerUnaryReactor* ExecServiceImpl::Get(CallbackServerContext*,
                                         const skerry::v1::GetExecRequest* request,
                                         skerry::v1::GetExecResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post([this, ref = request->exec(), response, pending = call->pending()] {
    const auto found = context_.execs.find(ref);
    if (!found) return pending->finish(to_status(found.error()), [] {});
    pending->finish(grpc::Status::OK, [&] { *response->mutable_exec() = (*found)->view->exec; });
  });
  return call;
}

ServerUnaryReactor* ExecServiceImpl::List(CallbackServerContext* call,
                                          const skerry::v1::ListExecsRequest* request,
                                          skerry::v1::ListExecsResponse* response) {
  const auto list = [this](const skerry::v1::ListExecsRequest& wanted,
                           const std::string& container,
                           skerry::v1::ListExecsResponse& out) {
    for (const ExecViewPtr& view : *context_.exec_board.current()) {
      const skerry::v1::Exec& exec = view->exec;
      if (!container.empty() && exec.container_uid() != container) continue;
      if (container.empty() && wanted.has_tenant() && exec.tenant() != wanted.tenant()) continue;
      if (!wanted.all() && exec.state() == skerry::v1::EXEC_STATE_EXITED) continue;
      *out.add_execs() = exec;
      out.mutable_execs()->rbegin()->clear_spec();
    }
  };
  if (!request->has_container()) {
    list(*request, {}, *response);
    return answer_now(call, {});
  }
  // Which container an id or a name means is in the reactor's tables; it answers without waiting.
  auto* pending = new UnaryCall();
  context_.reactor.post([this, list, wanted = *request, response, pending = pending->pending()] {
    const auto found = context_.containers.find(wanted.container());
    if (!found) return pending->finish(to_status(found.error()), [] {});
    pending->finish(grpc::Status::OK, [&] { list(wanted, (*found)->uid.str(), *response); });
  });
  return pending;
}

ServerUnaryReactor* ExecServiceImpl::Run(CallbackServerContext*,
                                         const skerry::v1::RunExecRequest* request,
                                         skerry::v1::RunExecResponse* response) {
  auto* call = new RunCall(context_, response);
  auto one_shot = to_one_shot(*request);
  if (one_shot) {
    call->begin(std::move(*one_shot));
  } else {
    call->refuse(one_shot.error());
  }
  return call;
}

}  // namespace skerry::agent
