#include "agent/api/container_service.h"

#include <algorithm>

#include "agent/api/requests.h"
#include "agent/api/unary_call.h"
#include "agent/containers/spec_parts.h"

namespace skerry::agent {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using Call = std::shared_ptr<PendingCall>;

constexpr int kMaxSignal = 64;

// A reply that fills `response.container` in the wanted view. A removed container has no view.
template <class Response>
Reply reply_to(const Call& call,
               Response* response,
               skerry::v1::ContainerView wanted,
               skerry::v1::ContainerView fallback) {
  return [call, response, wanted, fallback](const Result<ViewPtr>& view) {
    if (!view) return call->finish(to_status(view.error()), [] {});
    call->finish(grpc::Status::OK, [&] {
      if (*view) fill_container(**view, wanted, fallback, *response->mutable_container());
    });
  };
}

template <class Response>
Reply full_reply(const Call& call, Response* response) {
  return reply_to(call, response, skerry::v1::CONTAINER_VIEW_FULL, skerry::v1::CONTAINER_VIEW_FULL);
}

template <class Response>
Reply basic_reply(const Call& call, Response* response) {
  return reply_to(
      call, response, skerry::v1::CONTAINER_VIEW_BASIC, skerry::v1::CONTAINER_VIEW_BASIC);
}

Reply empty_reply(const Call& call) {
  return [call](const Result<ViewPtr>& result) {
    call->finish(result ? grpc::Status::OK : to_status(result.error()), [] {});
  };
}

// Everything about a request that needs no table is checked here, on gRPC's thread.
Result<LaunchRequest> to_launch(const ApiContext& context,
                                const std::string& tenant,
                                const std::string& id,
                                const std::string& name,
                                const skerry::v1::ContainerSpec& spec) {
  LaunchRequest launch;
  launch.received = context.clock.steady();
  TRY_ASSIGN(launch.checked, check_spec(spec, context.config));
  launch.tenant = tenant;
  launch.id = id;
  launch.name = name;
  launch.spec = spec;
  return launch;
}

Result<int> check_signal(int signal) {
  if (signal >= 1 && signal <= kMaxSignal) return signal;
  return bad_request("signal: " + std::to_string(signal) + " is not between 1 and 64");
}

ServerUnaryReactor* refuse(UnaryCall* call, const Error& error) {
  call->pending()->finish(to_status(error), [] {});
  return call;
}

}  // namespace

ServerUnaryReactor* ContainerServiceImpl::Create(CallbackServerContext*,
                                                 const skerry::v1::CreateContainerRequest* request,
                                                 skerry::v1::CreateContainerResponse* response) {
  auto* call = new UnaryCall();
  auto launch =
      to_launch(context_, request->tenant(), request->id(), request->name(), request->spec());
  if (!launch) return refuse(call, launch.error());
  launch->hold = true;
  launch->goal = LaunchGoal::kCreated;
  context_.reactor.post(
      [this, launch = std::move(*launch), reply = full_reply(call->pending(), response)]() mutable {
        context_.containers.launch(std::move(launch), std::move(reply));
      });
  return call;
}

ServerUnaryReactor* ContainerServiceImpl::Launch(CallbackServerContext*,
                                                 const skerry::v1::LaunchContainerRequest* request,
                                                 skerry::v1::LaunchContainerResponse* response) {
  auto* call = new UnaryCall();
  auto launch =
      to_launch(context_, request->tenant(), request->id(), request->name(), request->spec());
  if (!launch) return refuse(call, launch.error());
  switch (request->wait_until()) {
    case skerry::v1::LAUNCH_WAIT_ACCEPTED:
      launch->goal = LaunchGoal::kAccepted;
      break;
    case skerry::v1::LAUNCH_WAIT_CREATED:
      launch->goal = LaunchGoal::kCreated;
      break;
    case skerry::v1::LAUNCH_WAIT_UNSPECIFIED:
    case skerry::v1::LAUNCH_WAIT_RUNNING:
      launch->goal = LaunchGoal::kRunning;
      break;
    default:
      return refuse(call, bad_request("wait_until: no such value"));
  }
  Reply reply =
      reply_to(call->pending(), response, request->view(), skerry::v1::CONTAINER_VIEW_FULL);
  context_.reactor.post([this, launch = std::move(*launch), reply = std::move(reply)]() mutable {
    context_.containers.launch(std::move(launch), std::move(reply));
  });
  return call;
}

ServerUnaryReactor* ContainerServiceImpl::Start(CallbackServerContext*,
                                                const skerry::v1::StartContainerRequest* request,
                                                skerry::v1::StartContainerResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post(
      [this, ref = request->container(), reply = full_reply(call->pending(), response)]() mutable {
        context_.containers.start(ref, std::move(reply));
      });
  return call;
}

ServerUnaryReactor* ContainerServiceImpl::Wait(CallbackServerContext*,
                                               const skerry::v1::WaitContainerRequest* request,
                                               skerry::v1::WaitContainerResponse* response) {
  auto* call = new UnaryCall();
  WaitGoal goal = WaitGoal::kExited;
  switch (request->condition()) {
    case skerry::v1::WAIT_CONDITION_UNSPECIFIED:
    case skerry::v1::WAIT_CONDITION_EXITED:
      break;
    case skerry::v1::WAIT_CONDITION_RELEASED:
      goal = WaitGoal::kReleased;
      break;
    case skerry::v1::WAIT_CONDITION_REMOVED:
      goal = WaitGoal::kRemoved;
      break;
    default:
      return refuse(call, bad_request("condition: no such value"));
  }
  context_.reactor.post([this,
                         ref = request->container(),
                         goal,
                         pending = call->pending(),
                         reply = basic_reply(call->pending(), response)]() mutable {
    context_.containers.wait(ref, goal, std::move(reply), [pending] { return pending->done(); });
  });
  return call;
}

ServerUnaryReactor* ContainerServiceImpl::Stop(CallbackServerContext*,
                                               const skerry::v1::StopContainerRequest* request,
                                               skerry::v1::StopContainerResponse* response) {
  auto* call = new UnaryCall();
  StopRequest stop;
  if (request->has_signal()) {
    const auto signal = check_signal(request->signal());
    if (!signal) return refuse(call, signal.error());
    stop.signal = *signal;
  }
  if (request->has_grace()) {
    const auto grace = check_grace(request->grace());
    if (!grace) return refuse(call, grace.error());
    stop.grace = *grace;
  }
  context_.reactor.post([this,
                         ref = request->container(),
                         stop,
                         reply = basic_reply(call->pending(), response)]() mutable {
    context_.containers.stop(ref, stop, std::move(reply));
  });
  return call;
}

ServerUnaryReactor* ContainerServiceImpl::Kill(CallbackServerContext*,
                                               const skerry::v1::KillContainerRequest* request,
                                               skerry::v1::KillContainerResponse*) {
  constexpr int kDefaultSignal = 9;
  auto* call = new UnaryCall();
  const auto signal = check_signal(request->has_signal() ? request->signal() : kDefaultSignal);
  if (!signal) return refuse(call, signal.error());
  context_.reactor.post([this,
                         ref = request->container(),
                         signal = *signal,
                         all = request->all(),
                         reply = empty_reply(call->pending())]() mutable {
    context_.containers.kill(ref, signal, all, std::move(reply));
  });
  return call;
}

ServerUnaryReactor* ContainerServiceImpl::Pause(CallbackServerContext*,
                                                const skerry::v1::PauseContainerRequest* request,
                                                skerry::v1::PauseContainerResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post(
      [this, ref = request->container(), reply = basic_reply(call->pending(), response)]() mutable {
        context_.containers.pause(ref, std::move(reply));
      });
  return call;
}

ServerUnaryReactor* ContainerServiceImpl::Resume(CallbackServerContext*,
                                                 const skerry::v1::ResumeContainerRequest* request,
                                                 skerry::v1::ResumeContainerResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post(
      [this, ref = request->container(), reply = basic_reply(call->pending(), response)]() mutable {
        context_.containers.resume(ref, std::move(reply));
      });
  return call;
}

ServerUnaryReactor* ContainerServiceImpl::Remove(CallbackServerContext*,
                                                 const skerry::v1::RemoveContainerRequest* request,
                                                 skerry::v1::RemoveContainerResponse*) {
  auto* call = new UnaryCall();
  context_.reactor.post([this,
                         ref = request->container(),
                         force = request->force(),
                         reply = empty_reply(call->pending())]() mutable {
    context_.containers.remove(ref, force, std::move(reply));
  });
  return call;
}

ServerUnaryReactor* ContainerServiceImpl::Update(CallbackServerContext*,
                                                 const skerry::v1::UpdateContainerRequest* request,
                                                 skerry::v1::UpdateContainerResponse* response) {
  auto* call = new UnaryCall();
  auto update = to_update(*request);
  if (!update) return refuse(call, update.error());
  if (update->labels) {
    const auto checked = check_labels(request->labels(), "labels");
    if (!checked) return refuse(call, checked.error());
  }
  context_.reactor.post([this,
                         ref = request->container(),
                         update = std::move(*update),
                         reply = full_reply(call->pending(), response)]() mutable {
    context_.containers.update(ref, update, std::move(reply));
  });
  return call;
}

}  // namespace skerry::agent
