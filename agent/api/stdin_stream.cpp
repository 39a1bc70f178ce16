// WriteStdin: reads a message, writes it into the container's pipe, reads the next. A container
// that does not read fills its pipe; then the client's messages wait, and nothing else does.

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "agent/api/container_service.h"
#include "agent/api/status.h"

namespace skerry::agent {
namespace {

using skerry::v1::WriteStdinRequest;
using skerry::v1::WriteStdinResponse;

constexpr std::size_t kMaxData = 1ULL << 20U;

class StdinStream final : public grpc::ServerReadReactor<WriteStdinRequest> {
 public:
  StdinStream(ApiContext& context, WriteStdinResponse* response)
      : context_(context), response_(response) {
    StartRead(&request_);
  }

  // NOLINTBEGIN(readability-identifier-naming)
  void OnReadDone(bool ok) override {
    context_.reactor.post([this, ok] { on_message(ok); });
  }
  void OnCancel() override {
    cancelled_ = true;
    context_.reactor.post([this, alive = seen_] {
      // With a read under way its end comes by itself.
      if (alive.lock() && watch_) end(grpc::Status::CANCELLED);
    });
  }
  void OnDone() override { delete this; }
  // NOLINTEND(readability-identifier-naming)

 private:
  // All of it on the reactor.

  void on_message(bool ok) {
    if (!ok) {
      const bool in_order = !cancelled_ && pipe_;
      close_ = close_ && in_order;
      return end(cancelled_ ? grpc::Status::CANCELLED : grpc::Status::OK);
    }
    if (!pipe_) return open_pipe();
    if (!request_.has_data() || request_.data().size() > kMaxData) {
      return end(to_status(Error(Code::kInvalidArgument, "after the header come data up to 1 MiB")
                               .with_reason("FIELD_INVALID")));
    }
    written_ = 0;
    write_some();
  }

  void open_pipe() {
    if (!request_.has_header()) {
      return end(to_status(Error(Code::kInvalidArgument, "the first message is the header")
                               .with_reason("FIELD_INVALID")));
    }
    const bool close = request_.header().close_at_end();
    context_.containers.open_stdin(
        request_.header().container(), [this, close](Result<std::pair<Uid, UniqueFd>> opened) {
          if (!opened) return end(to_status(opened.error()));
          uid_ = opened->first;
          pipe_ = std::move(opened->second);
          close_ = close;
          const int flags = ::fcntl(pipe_.get(), F_GETFL);
          if (flags < 0 || ::fcntl(pipe_.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
            return end(to_status(Error::from_errno(errno, "make the pipe non-blocking")));
          }
          StartRead(&request_);
        });
  }

  void write_some() {
    watch_.reset();
    const std::string& data = request_.data();
    while (written_ < data.size()) {
      const ssize_t count = ::write(pipe_.get(), data.data() + written_, data.size() - written_);
      if (count >= 0) {
        written_ += static_cast<std::size_t>(count);
        total_ += static_cast<std::uint64_t>(count);
        continue;
      }
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return wait_for_room();
      return end(to_status(Error::from_errno(errno, "write to the container's standard input")
                               .with_code(Code::kFailedPrecondition)
                               .with_reason("NO_STDIN")));
    }
    StartRead(&request_);
  }

  void wait_for_room() {
    if (cancelled_) return end(grpc::Status::CANCELLED);
    auto watch =
        context_.reactor.watch(pipe_.get(), EPOLLOUT, [this](std::uint32_t) { write_some(); });
    if (!watch) return end(to_status(watch.error()));
    watch_ = std::move(*watch);
  }

  void end(const grpc::Status& status) {
    watch_.reset();
    alive_.reset();
    response_->set_bytes_written(total_);
    if (pipe_) {
      pipe_.reset();
      context_.containers.release_stdin(uid_, close_);
    }
    Finish(status);
  }

  ApiContext& context_;
  WriteStdinResponse* response_;
  WriteStdinRequest request_;
  Uid uid_;
  UniqueFd pipe_;
  bool close_ = false;
  std::size_t written_ = 0;
  std::uint64_t total_ = 0;
  std::atomic<bool> cancelled_ = false;
  runtime::Watch watch_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  // For gRPC's thread, which must not look at what the reactor resets.
  const std::weak_ptr<bool> seen_ = alive_;
};

}  // namespace

grpc::ServerReadReactor<WriteStdinRequest>* ContainerServiceImpl::WriteStdin(
    grpc::CallbackServerContext*, WriteStdinResponse* response) {
  return new StdinStream(context_, response);
}

}  // namespace skerry::agent
