#include "agent/api/pod_service.h"

#include "agent/api/page_token.h"
#include "agent/api/pod_answers.h"
#include "agent/api/requests.h"
#include "agent/api/unary_call.h"
#include "agent/containers/spec_parts.h"

namespace skerry::agent {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using Call = std::shared_ptr<PendingCall>;

constexpr std::uint32_t kDefaultPage = 1000;
constexpr std::uint32_t kMaxPage = 10'000;
// Below the 4 MiB that gRPC's clients take by default.
constexpr std::size_t kMaxPageBytes = 2ULL << 20U;

ServerUnaryReactor* refuse(UnaryCall* call, const Error& error) {
  call->pending()->finish(to_status(error), [] {});
  return call;
}

// A reply that fills `response.pod`, with its containers as they are now.
template <class Response>
PodReply pod_reply(const ApiContext& context, const Call& call, Response* response) {
  return [&context, call, response](const Result<PodViewPtr>& view) {
    if (!view) return call->finish(to_status(view.error()), [] {});
    call->finish(grpc::Status::OK, [&] {
      if (!*view) return;
      fill_pod(**view,
               members_by_pod(*context.board.current()),
               PodDetail::kFull,
               *response->mutable_pod());
    });
  };
}

}  // namespace

ServerUnaryReactor* PodServiceImpl::Create(CallbackServerContext*,
                                           const skerry::v1::CreatePodRequest* request,
                                           skerry::v1::CreatePodResponse* response) {
  auto* call = new UnaryCall();
  auto checked = check_pod_spec(request->spec(), context_.config);
  if (!checked) return refuse(call, checked.error());
  CreatePod create{.tenant = request->tenant(),
                   .id = request->id(),
                   .name = request->name(),
                   .spec = request->spec(),
                   .checked = std::move(*checked)};
  context_.reactor.post([this,
                         create = std::move(create),
                         reply = pod_reply(context_, call->pending(), response)]() mutable {
    context_.pods.create(std::move(create), std::move(reply));
  });
  return call;
}

// Ids, names and removed ones are in the reactor's tables; it answers without waiting.
ServerUnaryReactor* PodServiceImpl::Get(CallbackServerContext*,
                                        const skerry::v1::GetPodRequest* request,
                                        skerry::v1::GetPodResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post(
      [this, ref = request->pod(), reply = pod_reply(context_, call->pending(), response)] {
        const auto found = context_.pods.find(ref);
        reply(found ? Result<PodViewPtr>((*found)->view) : Result<PodViewPtr>(found.error()));
      });
  return call;
}

ServerUnaryReactor* PodServiceImpl::List(CallbackServerContext* call,
                                         const skerry::v1::ListPodsRequest* request,
                                         skerry::v1::ListPodsResponse* response) {
  const auto after = parse_page_token(request->page_token());
  if (!after) return answer_now(call, after.error());
  if (request->page_size() > kMaxPage) {
    return answer_now(call, bad_request("page_size: is above 10000"));
  }
  const std::uint32_t limit = request->page_size() == 0 ? kDefaultPage : request->page_size();
  const PodSnapshot snapshot = context_.pod_board.current();
  const PodMembers members = members_by_pod(*context_.board.current());
  std::size_t bytes = 0;
  std::uint64_t last = 0;
  for (const PodViewPtr& view : snapshot.all()) {
    if (view->ordinal <= *after || !matches(view->pod, *request)) continue;
    const bool full = response->pods_size() >= static_cast<int>(limit);
    if (full || bytes > kMaxPageBytes) {
      response->set_next_page_token(std::to_string(last));
      break;
    }
    skerry::v1::Pod& out = *response->add_pods();
    fill_pod(*view, members, PodDetail::kList, out);
    bytes += out.ByteSizeLong();
    last = view->ordinal;
  }
  response->mutable_cursor()->set_epoch(snapshot.cursor.epoch);
  response->mutable_cursor()->set_sequence(snapshot.cursor.sequence);
  return answer_now(call, {});
}

ServerUnaryReactor* PodServiceImpl::Stop(CallbackServerContext*,
                                         const skerry::v1::StopPodRequest* request,
                                         skerry::v1::StopPodResponse* response) {
  auto* call = new UnaryCall();
  std::optional<std::chrono::milliseconds> grace;
  if (request->has_grace()) {
    const auto checked = check_grace(request->grace());
    if (!checked) return refuse(call, checked.error());
    grace = *checked;
  }
  context_.reactor.post([this,
                         ref = request->pod(),
                         grace,
                         reply = pod_reply(context_, call->pending(), response)]() mutable {
    context_.pods.stop(ref, grace, std::move(reply));
  });
  return call;
}

ServerUnaryReactor* PodServiceImpl::Remove(CallbackServerContext*,
                                           const skerry::v1::RemovePodRequest* request,
                                           skerry::v1::RemovePodResponse*) {
  auto* call = new UnaryCall();
  PodReply reply = [pending = call->pending()](const Result<PodViewPtr>& result) {
    pending->finish(result ? grpc::Status::OK : to_status(result.error()), [] {});
  };
  context_.reactor.post(
      [this, ref = request->pod(), force = request->force(), reply = std::move(reply)]() mutable {
        context_.pods.remove(ref, force, std::move(reply));
      });
  return call;
}

ServerUnaryReactor* PodServiceImpl::Update(CallbackServerContext*,
                                           const skerry::v1::UpdatePodRequest* request,
                                           skerry::v1::UpdatePodResponse* response) {
  auto* call = new UnaryCall();
  auto update = to_update(*request);
  if (!update) return refuse(call, update.error());
  if (update->labels) {
    const auto checked = check_labels(request->labels(), "labels");
    if (!checked) return refuse(call, checked.error());
  }
  context_.reactor.post([this,
                         ref = request->pod(),
                         update = std::move(*update),
                         reply = pod_reply(context_, call->pending(), response)]() mutable {
    context_.pods.update(ref, update, std::move(reply));
  });
  return call;
}

}  // namespace skerry::agent
