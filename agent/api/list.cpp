// Get and List: from the snapshot, on gRPC's own thread. They wait for nobody.

#include <algorithm>

#include "agent/api/container_service.h"
#include "agent/api/page_token.h"
#include "agent/api/unary_call.h"

namespace skerry::agent {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using skerry::v1::ListContainersRequest;

constexpr std::uint32_t kDefaultPage = 1000;
constexpr std::uint32_t kMaxPage = 10'000;
// Below the 4 MiB that gRPC's clients take by default.
constexpr std::size_t kMaxPageBytes = 2ULL << 20U;
constexpr std::size_t kMinPrefix = 4;

bool has_labels(const skerry::v1::Container& container, const ListContainersRequest& request) {
  return std::ranges::all_of(request.labels(), [&](const skerry::v1::LabelSelector& selector) {
    const auto found = container.labels().find(selector.key());
    if (found == container.labels().end()) return false;
    return !selector.has_value() || found->second == selector.value();
  });
}

bool has_key(const skerry::v1::Container& container, const std::string& key) {
  if (key.empty() || container.id() == key || container.name() == key) return true;
  return key.size() >= kMinPrefix && container.uid().starts_with(key);
}

bool matches(const skerry::v1::Container& container, const ListContainersRequest& request) {
  if (request.has_tenant() && container.tenant() != request.tenant()) return false;
  const auto& states = request.states();
  if (!states.empty() && std::ranges::find(states, container.state()) == states.end()) return false;
  return has_key(container, request.key()) && has_labels(container, request);
}

}  // namespace

ServerUnaryReactor* ContainerServiceImpl::Get(CallbackServerContext* call,
                                              const skerry::v1::GetContainerRequest* request,
                                              skerry::v1::GetContainerResponse* response) {
  const skerry::v1::ContainerRef& ref = request->container();
  const auto snapshot = context_.board.current();
  if (ref.has_uid()) {
    const ViewPtr view = snapshot->find(ref.uid());
    if (view && (ref.tenant().empty() || ref.tenant() == view->container.tenant())) {
      fill_container(
          *view, request->view(), skerry::v1::CONTAINER_VIEW_FULL, *response->mutable_container());
      return answer_now(call, {});
    }
  }
  // Ids, names and removed ones are in the reactor's tables; it answers without waiting.
  auto* pending = new UnaryCall();
  context_.reactor.post(
      [this, ref, view = request->view(), response, pending = pending->pending()] {
        const auto found = context_.containers.find(ref);
        if (!found) return pending->finish(to_status(found.error()), [] {});
        pending->finish(grpc::Status::OK, [&] {
          fill_container(*(*found)->view,
                         view,
                         skerry::v1::CONTAINER_VIEW_FULL,
                         *response->mutable_container());
        });
      });
  return pending;
}

ServerUnaryReactor* ContainerServiceImpl::List(CallbackServerContext* call,
                                               const ListContainersRequest* request,
                                               skerry::v1::ListContainersResponse* response) {
  const auto after = parse_page_token(request->page_token());
  if (!after) return answer_now(call, after.error());
  if (request->page_size() > kMaxPage) {
    return answer_now(
        call,
        Error(Code::kInvalidArgument, "page_size: is above 10000").with_reason("FIELD_INVALID"));
  }
  const std::uint32_t limit = request->page_size() == 0 ? kDefaultPage : request->page_size();
  const auto snapshot = context_.board.current();
  std::size_t bytes = 0;
  std::uint64_t last = 0;
  for (const ViewPtr& view : snapshot->all()) {
    if (view->ordinal <= *after || !matches(view->container, *request)) continue;
    const bool full = response->containers_size() >= static_cast<int>(limit);
    if (full || bytes > kMaxPageBytes) {
      response->set_next_page_token(std::to_string(last));
      break;
    }
    skerry::v1::Container& out = *response->add_containers();
    fill_container(*view, request->view(), skerry::v1::CONTAINER_VIEW_BASIC, out);
    bytes += out.ByteSizeLong();
    last = view->ordinal;
  }
  response->mutable_cursor()->set_epoch(snapshot->cursor.epoch);
  response->mutable_cursor()->set_sequence(snapshot->cursor.sequence);
  return answer_now(call, {});
}

}  // namespace skerry::agent
