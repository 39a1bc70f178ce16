// CopyOut and StatPath. One chunk is read from the packer's pipe and sent at a time: a client that
// does not read leaves the packer waiting in write(2), and nothing else.

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "agent/api/container_service.h"
#include "agent/api/unary_call.h"

namespace skerry::agent {
namespace {

using skerry::v1::CopyOutRequest;
using skerry::v1::CopyOutResponse;

constexpr std::size_t kChunk = 256UL * 1024;

/// Lives as long as anything is posted to it; does not touch the stream after finish(). Thread:
/// reactor.
class CopyOutSession final : public std::enable_shared_from_this<CopyOutSession> {
 public:
  using Stream = grpc::ServerWriteReactor<CopyOutResponse>;
  CopyOutSession(ApiContext& context, Stream* stream) : context_(context), stream_(stream) {}

  void begin(const CopyOutRequest& request) {
    context_.copies.start({.container = request.container(),
                           .kind = CopyKind::kOut,
                           .path = request.path(),
                           .owner = {}},
                          [self = shared_from_this()](Result<std::unique_ptr<Copy>> copy) {
                            self->started(std::move(copy));
                          });
  }

  void on_written(bool ok) {
    writing_ = false;
    if (stream_ == nullptr) return;
    if (!ok) final_ = grpc::Status::CANCELLED;
    if (final_) return finish(*final_);
    wait_for_more();
  }

  void on_cancel() { finish(grpc::Status::CANCELLED); }

 private:
  void started(Result<std::unique_ptr<Copy>> copy) {
    if (stream_ == nullptr || final_) return;
    if (!copy) return finish(to_status(copy.error()));
    copy_ = std::move(*copy);
    *response_.mutable_header()->mutable_info() = copy_->info;
    write();
  }

  void wait_for_more() {
    auto watch = context_.reactor.watch(
        copy_->pipe.get(), EPOLLIN, [weak = weak_from_this()](std::uint32_t) {
          if (const auto self = weak.lock()) self->read();
        });
    if (!watch) return finish(to_status(watch.error()));
    watch_ = std::move(*watch);
  }

  void read() {
    std::string& chunk = *response_.mutable_chunk();
    chunk.resize(kChunk);
    const ssize_t count = ::read(copy_->pipe.get(), chunk.data(), chunk.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    watch_.reset();
    if (count <= 0) return await_end();
    chunk.resize(static_cast<std::size_t>(count));
    write();
  }

  void await_end() {
    copy_->on_end([weak = weak_from_this()](const Result<images::UnpackReport>& report) {
      const auto self = weak.lock();
      if (self) self->finish(report ? grpc::Status::OK : to_status(report.error()));
    });
  }

  void write() {
    writing_ = true;
    stream_->StartWrite(&response_);
  }

  void finish(const grpc::Status& status) {
    if (stream_ == nullptr) return;
    watch_.reset();
    if (!final_) final_ = status;
    // Not from inside the copy, which may be the caller.
    if (copy_) context_.reactor.post([copy = std::move(copy_)] {});
    if (!writing_) std::exchange(stream_, nullptr)->Finish(*final_);
  }

  ApiContext& context_;
  Stream* stream_;
  CopyOutResponse response_;
  std::unique_ptr<Copy> copy_;
  bool writing_ = false;
  std::optional<grpc::Status> final_;
  runtime::Watch watch_;
};

class CopyOutStream final : public grpc::ServerWriteReactor<CopyOutResponse> {
 public:
  CopyOutStream(ApiContext& context, const CopyOutRequest& request)
      : context_(context), session_(std::make_shared<CopyOutSession>(context, this)) {
    context_.reactor.post([session = session_, request] { session->begin(request); });
  }

  // NOLINTBEGIN(readability-identifier-naming)
  void OnWriteDone(bool ok) override {
    context_.reactor.post([session = session_, ok] { session->on_written(ok); });
  }
  void OnCancel() override {
    context_.reactor.post([session = session_] { session->on_cancel(); });
  }
  void OnDone() override { delete this; }
  // NOLINTEND(readability-identifier-naming)

 private:
  ApiContext& context_;
  std::shared_ptr<CopyOutSession> session_;
};

}  // namespace

grpc::ServerWriteReactor<CopyOutResponse>* ContainerServiceImpl::CopyOut(
    grpc::CallbackServerContext*, const CopyOutRequest* request) {
  return new CopyOutStream(context_, *request);
}

grpc::ServerUnaryReactor* ContainerServiceImpl::StatPath(grpc::CallbackServerContext*,
                                                         const skerry::v1::StatPathRequest* request,
                                                         skerry::v1::StatPathResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post([this,
                         ref = request->container(),
                         path = request->path(),
                         response,
                         pending = call->pending()] {
    context_.copies.look_at(
        ref, path, [response, pending](const Result<skerry::v1::PathInfo>& info) {
          if (!info) return pending->finish(to_status(info.error()), [] {});
          pending->finish(grpc::Status::OK, [&] { *response->mutable_info() = *info; });
        });
  });
  return call;
}

}  // namespace skerry::agent
