#include "agent/api/image_service.h"

#include "agent/api/image_answers.h"
#include "agent/api/unary_call.h"

namespace skerry::agent {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

ServerUnaryReactor* ImageServiceImpl::List(CallbackServerContext*,
                                           const skerry::v1::ListImagesRequest* request,
                                           skerry::v1::ListImagesResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post([this, request = *request, response, pending = call->pending()] {
    auto page = page_of(context_.images.list(), request);
    if (!page) return pending->finish(to_status(page.error()), [] {});
    pending->finish(grpc::Status::OK, [&] { response->Swap(&*page); });
  });
  return call;
}

ServerUnaryReactor* ImageServiceImpl::Get(CallbackServerContext* call,
                                          const skerry::v1::GetImageRequest* request,
                                          skerry::v1::GetImageResponse* response) {
  auto reference = to_reference(request->image());
  if (!reference) return answer_now(call, reference.error());
  auto* unary = new UnaryCall();
  context_.reactor.post(
      [this, reference = std::move(*reference), response, pending = unary->pending()] {
        const auto found = context_.images.find(reference);
        if (!found) return pending->finish(to_status(found.error()), [] {});
        pending->finish(grpc::Status::OK, [&] { fill_image(*found, *response->mutable_image()); });
      });
  return unary;
}

ServerUnaryReactor* ImageServiceImpl::Remove(CallbackServerContext* call,
                                             const skerry::v1::RemoveImageRequest* request,
                                             skerry::v1::RemoveImageResponse* response) {
  auto reference = to_reference(request->image());
  if (!reference) return answer_now(call, reference.error());
  auto* unary = new UnaryCall();
  auto done = [response, pending = unary->pending()](const Result<images::ImageRemoval>& removed) {
    if (!removed) return pending->finish(to_status(removed.error()), [] {});
    pending->finish(grpc::Status::OK, [&] {
      for (const std::string& name : removed->names) response->add_removed_names(name);
      if (removed->content_id) {
        response->set_removed_content_id(api_content_id(*removed->content_id));
      }
    });
  };
  context_.reactor.post(
      [this, reference = std::move(*reference), done] { context_.images.remove(reference, done); });
  return unary;
}

}  // namespace skerry::agent
