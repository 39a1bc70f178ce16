// Attach, for execs and containers alike: a header each way, then output to the client, and input
// and sizes from it.
//
//   gRPC's threads                    reactor
//   AttachStream ── post ──► AttachSession ──► AttachTarget (an exec, a container)
//
// One message is read and one written at a time: a client that does not read leaves its output in
// the target's bounded queue, a process that does not read leaves its input with the client. The
// session outlives the stream by what is posted to it, and does not touch it after finish().
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <grpcpp/support/server_callback.h>

#include "agent/api/context.h"
#include "agent/api/status.h"
#include "agent/attach/input_pipe.h"
#include "agent/attach/target.h"

namespace skerry::agent {

constexpr std::size_t kMaxInputMessage = 1UL << 20U;
/// VEOF of a terminal in its default modes.
constexpr char kEndOfFileCharacter = 4;

inline Error bad_attach_message(const std::string& why) {
  return Error(Code::kInvalidArgument, why).with_reason("FIELD_INVALID");
}

template <class Request, class Response>
class AttachSession final : public std::enable_shared_from_this<AttachSession<Request, Response>> {
 public:
  using Stream = grpc::ServerBidiReactor<Request, Response>;
  /// What connecting gives: the target, and the header that answers the client's.
  using Connected = std::pair<std::unique_ptr<AttachTarget>, typename Response::Header>;
  /// Makes the target; `on_ready` is what the target calls when there is something to take.
  using Connect = std::function<void(const typename Request::Header& header,
                                     std::function<void()> on_ready,
                                     std::function<void(Result<Connected>)> done)>;

  AttachSession(ApiContext& context, Stream* stream, Connect connect)
      : context_(context), stream_(stream), connect_(std::move(connect)) {}

  void begin() { read(); }

  void on_read(bool ok) {
    if (stream_ == nullptr) return;
    if (!ok) return on_last_message();
    if (!target_) return on_header();
    switch (request_.part_case()) {
      case Request::kData:
        return on_data();
      case Request::kResize:
        return on_resize();
      case Request::kCloseStdin:
        return on_close_stdin();
      case Request::kDetach:
        target_->detach();
        return finish(grpc::Status::OK);
      default:
        return fail(bad_attach_message("after the header come data, sizes and the end"));
    }
  }

  void on_written(bool ok) {
    writing_ = false;
    if (stream_ == nullptr) return;
    if (!ok) cancelled_ = true;
    if (final_) return finish_now(*final_);
    if (cancelled_) return finish_now(grpc::Status::CANCELLED);
    if (exit_sent_) return finish_now(grpc::Status::OK);
    pump();
  }

  void on_cancel() {
    cancelled_ = true;
    finish(grpc::Status::CANCELLED);
  }

 private:
  void read() { stream_->StartRead(&request_); }

  // The client sends no more: its input stays open, its output goes on.
  void on_last_message() {
    if (cancelled_) return finish(grpc::Status::CANCELLED);
    if (!target_) fail(bad_attach_message("the first message is the header"));
  }

  void on_header() {
    if (!request_.has_header()) {
      return fail(bad_attach_message("the first message is the header"));
    }
    const std::weak_ptr<AttachSession> weak = this->weak_from_this();
    connect_(
        request_.header(),
        [weak] {
          if (const auto self = weak.lock()) self->pump();
        },
        [self = this->shared_from_this()](Result<Connected> connected) {
          self->on_connected(std::move(connected));
        });
  }

  void on_connected(Result<Connected> connected) {
    if (stream_ == nullptr) return;
    if (!connected) return fail(connected.error());
    target_ = std::move(connected->first);
    response_.Clear();
    *response_.mutable_header() = std::move(connected->second);
    write();
    read();
  }

  // --- input ---

  void on_data() {
    if (request_.data().size() > kMaxInputMessage) {
      return fail(bad_attach_message("data: above 1 MiB"));
    }
    feed(std::move(*request_.mutable_data()));
  }

  void on_close_stdin() {
    if (target_->has_terminal()) return feed(std::string(1, kEndOfFileCharacter));
    input_.reset();
    target_->close_stdin();
    read();
  }

  // The next message is read when this one is written.
  void feed(std::string bytes) {
    if (input_dead_) return read();
    if (input_) return write_input(std::move(bytes));
    target_->open_stdin(
        [weak = this->weak_from_this(), bytes = std::move(bytes)](Result<UniqueFd> fd) mutable {
          const auto self = weak.lock();
          if (self && self->stream_ != nullptr)
            self->on_input_opened(std::move(fd), std::move(bytes));
        });
  }

  void on_input_opened(Result<UniqueFd> fd, std::string bytes) {
    if (!fd && fd.error().reason() == "STATE") {
      // It ended meanwhile, of which the client is told at its place.
      input_dead_ = true;
      return read();
    }
    if (!fd) return fail(fd.error());
    auto pipe = InputPipe::open(context_.reactor, std::move(*fd));
    if (!pipe) return fail(pipe.error());
    input_ = std::move(*pipe);
    write_input(std::move(bytes));
  }

  void write_input(std::string&& bytes) {
    input_->write(std::move(bytes), [weak = this->weak_from_this()](const Result<>& written) {
      const auto self = weak.lock();
      if (!self || self->stream_ == nullptr) return;
      // Nobody reads it any more: the process closed it, or has ended.
      if (!written) self->input_dead_ = true;
      self->read();
    });
  }

  void on_resize() {
    auto size = check_terminal_size(request_.resize());
    if (!size) return fail(size.error());
    auto resized = target_->resize(*size);
    // One that has ended has no size; the client is told of the end at its place.
    if (!resized && resized.error().reason() != "STATE") return fail(resized.error());
    read();
  }

  // --- output ---

  void pump() {
    if (stream_ == nullptr || writing_ || exit_sent_ || !target_) return;
    if (const auto piece = target_->take()) {
      fill(*piece);
      return write();
    }
    auto ended = target_->ended();
    if (!ended) return;
    if (!*ended) return fail(ended->error());
    response_.Clear();
    *response_.mutable_exit() = std::move(**ended);
    exit_sent_ = true;
    write();
  }

  static skerry::v1::OutputStream stream_of(OutputSource source) {
    switch (source) {
      case OutputSource::kStdout:
        return skerry::v1::OUTPUT_STREAM_STDOUT;
      case OutputSource::kStderr:
        return skerry::v1::OUTPUT_STREAM_STDERR;
      case OutputSource::kEither:
        break;
    }
    return skerry::v1::OUTPUT_STREAM_UNSPECIFIED;
  }

  void fill(const OutputPiece& piece) {
    response_.Clear();
    if (piece.missed > 0) {
      response_.mutable_missed()->set_stream(stream_of(piece.source));
      response_.mutable_missed()->set_bytes(piece.missed);
    } else {
      response_.mutable_data()->set_stream(stream_of(piece.source));
      response_.mutable_data()->set_data(piece.bytes);
    }
  }

  void write() {
    writing_ = true;
    stream_->StartWrite(&response_);
  }

  // --- the end ---

  void fail(const Error& error) { finish(to_status(error)); }

  void finish(const grpc::Status& status) {
    if (stream_ == nullptr || final_) return;
    input_.reset();
    // Who is connected is so no more, whatever gRPC is still busy with.
    target_.reset();
    final_ = status;
    if (!writing_) finish_now(status);
  }

  void finish_now(const grpc::Status& status) {
    input_.reset();
    target_.reset();
    std::exchange(stream_, nullptr)->Finish(status);
  }

  ApiContext& context_;
  Stream* stream_;
  Connect connect_;
  Request request_;
  Response response_;
  std::unique_ptr<AttachTarget> target_;
  std::unique_ptr<InputPipe> input_;
  bool input_dead_ = false;
  bool writing_ = false;
  bool exit_sent_ = false;
  bool cancelled_ = false;
  std::optional<grpc::Status> final_;
};

/// gRPC's side of a session. gRPC deletes nothing: the object ends itself in OnDone.
template <class Request, class Response>
class AttachStream final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  using Session = AttachSession<Request, Response>;

  AttachStream(ApiContext& context, typename Session::Connect connect)
      : context_(context), session_(std::make_shared<Session>(context, this, std::move(connect))) {
    session_->begin();
  }

  // NOLINTBEGIN(readability-identifier-naming)
  void OnReadDone(bool ok) override {
    context_.reactor.post([session = session_, ok] { session->on_read(ok); });
  }
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
  std::shared_ptr<Session> session_;
};

}  // namespace skerry::agent
