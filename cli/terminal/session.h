// A session: our terminal or pipes here, the process of a container or exec there.
//
//   main thread     stream ──read──► stdout, stderr          (until exit, detach or a broken line)
//   input thread    stdin, SIGWINCH, signals ──write──► stream
//
// A write to the stream waits while the daemon cannot take more, a read of it while our own output
// is not taken: nothing is buffered without bound on either side.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/client.h"
#include "skerry/v1/container.pb.h"
#include "skerry/v1/terminal.pb.h"

namespace skerry::cli {

/// What a session's stream carries, whether it is a container's or an exec's. One thread reads
/// while another writes.
class SessionStream {
 public:
  SessionStream() = default;
  SessionStream(const SessionStream&) = delete;
  SessionStream& operator=(const SessionStream&) = delete;
  virtual ~SessionStream() = default;

  /// False: the stream is over, its status says why.
  virtual bool send(std::string_view data) = 0;
  virtual bool send(const v1::TerminalSize& size) = 0;
  virtual bool send(const v1::CloseStdin& close) = 0;
  virtual bool send(const v1::Detach& detach) = 0;

  /// What came. Exactly one is set.
  struct Part {
    const v1::OutputData* data = nullptr;
    const v1::MissedOutput* missed = nullptr;
    const v1::ExitInfo* exit = nullptr;
  };
  /// The next part, valid until the next call. Absent: there is none.
  virtual std::optional<Part> read() = 0;

  /// Ends the stream at once.
  virtual void cancel() = 0;
  /// The status of the call. Blocks: until it is over.
  virtual Result<> finish() = 0;
};

struct SessionOptions {
  /// The process has a terminal: ours is its, raw, and follows in size.
  bool terminal = false;
  /// Our standard input goes there.
  bool input = false;
  /// Bytes, see parse_detach_keys.
  std::string detach_keys;
  /// Called on the input thread with a signal that would else have ended or steered us. Empty:
  /// the session ends by it, exit code 128 + signal.
  std::function<void(int)> signal;
};

/// How a session ended.
struct SessionEnd {
  /// Absent: detached, or ended by `signal`.
  std::optional<v1::ExitInfo> exit;
  std::optional<int> signal;
};

/// Blocks the signals a session takes, before the first thread starts (see
/// block_relayed_signals). Thread: main.
void block_session_signals();

/// Runs until the process exits, the user detaches or the stream breaks. Errors: those of the
/// stream; FAILED_PRECONDITION when a terminal is wanted and standard input is none. Blocks: until
/// then.
Result<SessionEnd> run_session(SessionStream& stream, const SessionOptions& options);

/// Attach of a container or an exec as a SessionStream. Both have the same parts.
template <class Request, class Response>
class GrpcSessionStream final : public SessionStream {
 public:
  using Stream = grpc::ClientReaderWriter<Request, Response>;
  GrpcSessionStream(const Client& client,
                    grpc::ClientContext& context,
                    std::unique_ptr<Stream> stream)
      : client_(client), context_(context), stream_(std::move(stream)) {}

  /// The headers, each way. Errors: those of the call.
  Result<Response> open(const Request& header) {
    Response response;
    if (stream_->Write(header) && stream_->Read(&response) && response.has_header()) {
      return response;
    }
    context_.TryCancel();
    const grpc::Status status = stream_->Finish();
    if (!status.ok()) return client_.to_error(status);
    return Error(Code::kInternal, "the daemon answered without a header");
  }

  bool send(std::string_view data) override {
    Request request;
    request.set_data(std::string(data));
    return stream_->Write(request);
  }
  bool send(const v1::TerminalSize& size) override {
    Request request;
    *request.mutable_resize() = size;
    return stream_->Write(request);
  }
  bool send(const v1::CloseStdin& close) override {
    Request request;
    *request.mutable_close_stdin() = close;
    return stream_->Write(request);
  }
  bool send(const v1::Detach& detach) override {
    Request request;
    *request.mutable_detach() = detach;
    return stream_->Write(request);
  }
  std::optional<Part> read() override {
    if (!stream_->Read(&response_)) return std::nullopt;
    Part part;
    if (response_.has_data()) part.data = &response_.data();
    if (response_.has_missed()) part.missed = &response_.missed();
    if (response_.has_exit()) part.exit = &response_.exit();
    return part;
  }
  void cancel() override { context_.TryCancel(); }
  Result<> finish() override {
    const grpc::Status status = stream_->Finish();
    if (!status.ok()) return client_.to_error(status);
    return {};
  }

 private:
  const Client& client_;
  grpc::ClientContext& context_;
  std::unique_ptr<Stream> stream_;
  Response response_;
};

}  // namespace skerry::cli
