// Attach and ResizeTerminal of containers.

#include "agent/api/attach_stream.h"
#include "agent/api/container_service.h"
#include "agent/api/unary_call.h"

namespace skerry::agent {

using skerry::v1::AttachContainerRequest;
using skerry::v1::AttachContainerResponse;

grpc::ServerBidiReactor<AttachContainerRequest, AttachContainerResponse>*
ContainerServiceImpl::Attach(grpc::CallbackServerContext*) {
  using Stream = AttachStream<AttachContainerRequest, AttachContainerResponse>;
  return new Stream(
      context_,
      [this](const AttachContainerRequest::Header& header,
             std::function<void()> on_ready,
             std::function<void(Result<Stream::Session::Connected>)> done) {
        context_.attachments.attach(
            header,
            std::move(on_ready),
            [done = std::move(done)](Result<ContainerAttachments::Connected> attached) {
              if (!attached) return done(std::move(attached).error());
              Stream::Session::Connected connected;
              connected.first = std::move(attached->target);
              fill_container(*attached->view,
                             skerry::v1::CONTAINER_VIEW_BASIC,
                             skerry::v1::CONTAINER_VIEW_BASIC,
                             *connected.second.mutable_container());
              connected.second.set_terminal(attached->terminal);
              connected.second.set_stdin(attached->stdin_wanted);
              done(std::move(connected));
            });
      });
}

grpc::ServerUnaryReactor* ContainerServiceImpl::ResizeTerminal(
    grpc::CallbackServerContext*,
    const skerry::v1::ResizeTerminalRequest* request,
    skerry::v1::ResizeTerminalResponse*) {
  auto* call = new UnaryCall();
  const auto size = check_terminal_size(request->size());
  if (!size) {
    call->pending()->finish(to_status(size.error()), [] {});
    return call;
  }
  context_.reactor.post(
      [this, ref = request->container(), size = *size, pending = call->pending()] {
        const auto resized = context_.containers.resize(ref, size);
        pending->finish(resized ? grpc::Status::OK : to_status(resized.error()), [] {});
      });
  return call;
}

}  // namespace skerry::agent
