// CopyIn: a message is written into the unpacker's pipe, then the next one read. An unpacker that
// is slow makes the client wait, and nothing else.

#include <optional>

#include "agent/api/container_service.h"
#include "agent/api/status.h"
#include "agent/attach/input_pipe.h"

namespace skerry::agent {
namespace {

using skerry::v1::CopyInRequest;
using skerry::v1::CopyInResponse;

constexpr std::size_t kMaxChunk = 1UL << 20U;

Error bad_message(const char* why) {
  return Error(Code::kInvalidArgument, why).with_reason("FIELD_INVALID");
}

/// As CopyOutSession, the other way.
class CopyInSession final : public std::enable_shared_from_this<CopyInSession> {
 public:
  using Stream = grpc::ServerReadReactor<CopyInRequest>;
  CopyInSession(ApiContext& context, Stream* stream, CopyInResponse* response)
      : context_(context), stream_(stream), response_(response) {}

  void begin() { stream_->StartRead(&request_); }

  void on_read(bool ok) {
    if (stream_ == nullptr) return;
    if (!copy_) return on_header(ok);
    if (!ok) return on_last();
    if (!request_.has_chunk() || request_.chunk().size() > kMaxChunk) {
      return fail(bad_message("after the header come chunks up to 1 MiB"));
    }
    pipe_->write(std::move(*request_.mutable_chunk()),
                 [weak = weak_from_this()](const Result<>& written) {
                   const auto self = weak.lock();
                   if (!self || self->stream_ == nullptr) return;
                   // One that takes no more has ended, and its end says why.
                   if (written) self->stream_->StartRead(&self->request_);
                 });
  }

  void on_cancel() { finish(grpc::Status::CANCELLED); }

 private:
  void on_header(bool ok) {
    if (!ok || !request_.has_header()) return fail(bad_message("the first message is the header"));
    const CopyInRequest::Header& header = request_.header();
    context_.copies.start({.container = header.container(),
                           .kind = CopyKind::kIn,
                           .path = header.path(),
                           .owner = header.owner()},
                          [self = shared_from_this()](Result<std::unique_ptr<Copy>> copy) {
                            self->started(std::move(copy));
                          });
  }

  void started(Result<std::unique_ptr<Copy>> copy) {
    if (stream_ == nullptr) return;
    if (!copy) return fail(copy.error());
    copy_ = std::move(*copy);
    auto pipe = InputPipe::open(context_.reactor, std::move(copy_->pipe));
    if (!pipe) return fail(pipe.error());
    pipe_ = std::move(*pipe);
    copy_->on_end([weak = weak_from_this()](const Result<images::UnpackReport>& report) {
      if (const auto self = weak.lock()) self->ended(report);
    });
    if (stream_ != nullptr) stream_->StartRead(&request_);
  }

  // The end of the archive.
  void on_last() {
    all_read_ = true;
    pipe_.reset();
  }

  void ended(const Result<images::UnpackReport>& report) {
    if (stream_ == nullptr) return;
    if (!report) return fail(report.error());
    if (!all_read_)
      return fail(Error(Code::kInvalidArgument, "there is more behind the archive")
                      .with_reason("ARCHIVE_INVALID"));
    response_->set_entries(report->entries);
    response_->set_bytes(report->size.value());
    finish(grpc::Status::OK);
  }

  void fail(const Error& error) { finish(to_status(error)); }

  void finish(const grpc::Status& status) {
    if (stream_ == nullptr) return;
    pipe_.reset();
    // Not from inside the copy, which may be the caller.
    if (copy_) context_.reactor.post([copy = std::move(copy_)] {});
    std::exchange(stream_, nullptr)->Finish(status);
  }

  ApiContext& context_;
  Stream* stream_;
  CopyInResponse* response_;
  CopyInRequest request_;
  std::unique_ptr<Copy> copy_;
  std::unique_ptr<InputPipe> pipe_;
  bool all_read_ = false;
};

class CopyInStream final : public grpc::ServerReadReactor<CopyInRequest> {
 public:
  CopyInStream(ApiContext& context, CopyInResponse* response)
      : context_(context), session_(std::make_shared<CopyInSession>(context, this, response)) {
    session_->begin();
  }

  // NOLINTBEGIN(readability-identifier-naming)
  void OnReadDone(bool ok) override {
    context_.reactor.post([session = session_, ok] { session->on_read(ok); });
  }
  void OnCancel() override {
    context_.reactor.post([session = session_] { session->on_cancel(); });
  }
  void OnDone() override { delete this; }
  // NOLINTEND(readability-identifier-naming)

 private:
  ApiContext& context_;
  std::shared_ptr<CopyInSession> session_;
};

}  // namespace

grpc::ServerReadReactor<CopyInRequest>* ContainerServiceImpl::CopyIn(grpc::CallbackServerContext*,
                                                                     CopyInResponse* response) {
  return new CopyInStream(context_, response);
}

}  // namespace skerry::agent
