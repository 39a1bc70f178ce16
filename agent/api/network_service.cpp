#include "agent/api/network_service.h"

#include "agent/api/unary_call.h"
#include "agent/networks/network_answers.h"

namespace skerry::agent {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

namespace {

Error no_networks() { return Error(Code::kUnavailable, "this daemon has no networks"); }

}  // namespace

ServerUnaryReactor* NetworkServiceImpl::List(CallbackServerContext* call,
                                             const skerry::v1::ListNetworksRequest*,
                                             skerry::v1::ListNetworksResponse* response) {
  if (context_.host.networks == nullptr) return answer_now(call, no_networks());
  auto* unary = new UnaryCall();
  auto work = [this, response, pending = unary->pending()] {
    const auto all = list_networks(
        *context_.host.networks, *context_.board.current(), context_.pod_board.current());
    pending->finish(grpc::Status::OK,
                    [&] { response->mutable_networks()->Add(all.begin(), all.end()); });
  };
  const auto submitted = context_.workers.submit(std::move(work));
  if (!submitted) unary->pending()->finish(to_status(submitted.error()), [] {});
  return unary;
}

ServerUnaryReactor* NetworkServiceImpl::Get(CallbackServerContext* call,
                                            const skerry::v1::GetNetworkRequest* request,
                                            skerry::v1::GetNetworkResponse* response) {
  if (context_.host.networks == nullptr) return answer_now(call, no_networks());
  auto* unary = new UnaryCall();
  auto work = [this, name = request->name(), response, pending = unary->pending()] {
    auto found = get_network(
        *context_.host.networks, *context_.board.current(), context_.pod_board.current(), name);
    if (!found) return pending->finish(to_status(found.error()), [] {});
    pending->finish(grpc::Status::OK, [&] { response->mutable_network()->Swap(&*found); });
  };
  const auto submitted = context_.workers.submit(std::move(work));
  if (!submitted) unary->pending()->finish(to_status(submitted.error()), [] {});
  return unary;
}

}  // namespace skerry::agent
