// Import: a worker takes a message in, then the next one is read; after the last one the images'
// desk has the archive. Whoever has the turn passes it on (see log_stream.cpp), so a client that
// sends faster than the disk takes it waits, and nothing else does.

#include <atomic>
#include <optional>

#include "agent/api/image_answers.h"
#include "agent/api/image_service.h"
#include "agent/api/status.h"

namespace skerry::agent {
namespace {

using skerry::v1::ImportImageRequest;
using skerry::v1::ImportImageResponse;
using namespace std::chrono_literals;

constexpr std::size_t kMaxChunk = 1ULL << 20U;
constexpr auto kBusyRetry = 10ms;

Error bad_message(const char* why) {
  return Error(Code::kInvalidArgument, why).with_reason("FIELD_INVALID");
}

/// Who finishes the call: while messages come, whoever has the turn; once the desk is at work,
/// whichever comes first of its answer and the caller's hanging up.
class Answer final {
 public:
  Answer(grpc::ServerReadReactor<ImportImageRequest>& reactor, ImportImageResponse& response)
      : reactor_(&reactor), response_(&response) {}

  /// The caller has hung up. Whether the call has to be finished for it now.
  bool cancel() { return state_.exchange(State::kOver) == State::kAtDesk; }
  /// The turn goes to the desk, unless the caller has hung up: then nobody else finishes the call.
  /// After it, only who gets true from cancel() or is in give() may touch the call.
  bool hand_over() {
    State expected = State::kReceiving;
    return state_.compare_exchange_strong(expected, State::kAtDesk);
  }
  void give(const Result<ImageView>& result) {
    State expected = State::kAtDesk;
    if (!state_.compare_exchange_strong(expected, State::kOver)) return;
    if (result) fill_image(*result, *response_->mutable_image());
    reactor_->Finish(result ? grpc::Status::OK : to_status(to_import_error(result.error())));
  }
  bool over() const { return state_ == State::kOver; }

 private:
  enum class State : std::uint8_t { kReceiving, kAtDesk, kOver };
  // Both live until the call has finished.
  grpc::ServerReadReactor<ImportImageRequest>* reactor_;
  ImportImageResponse* response_;
  std::atomic<State> state_ = State::kReceiving;
};

class ImportStream final : public grpc::ServerReadReactor<ImportImageRequest> {
 public:
  ImportStream(ApiContext& context, ImportImageResponse& response)
      : context_(context), answer_(std::make_shared<Answer>(*this, response)) {
    StartRead(&message_);
  }

  // NOLINTBEGIN(readability-identifier-naming)
  void OnReadDone(bool ok) override {
    more_ = ok;
    pass_to_worker();
  }
  void OnCancel() override {
    if (answer_->cancel()) Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }
  // NOLINTEND(readability-identifier-naming)

 private:
  void pass_to_worker() {
    if (context_.workers.submit([this] { take(); })) return;
    context_.reactor.post([this] {
      retry_ = context_.reactor.after(kBusyRetry, [this] {
        retry_.reset();
        pass_to_worker();
      });
    });
  }

  // --- worker ---

  void take() {
    if (answer_->over()) return Finish(grpc::Status::CANCELLED);
    if (!header_taken_) return take_header();
    if (!more_) return hand_over_spool();
    auto taken = take_chunk();
    if (!taken) return Finish(to_status(taken.error()));
    StartRead(&message_);
  }

  void take_header() {
    auto header = check_header();
    if (!header) return Finish(to_status(header.error()));
    header_taken_ = true;
    if (!path_.empty()) return hand_over(std::move(path_));
    auto spool = Spool::make(context_.config.root.string(), images::UnpackLimits().max_bytes);
    if (!spool) return Finish(to_status(spool.error()));
    spool_.emplace(std::move(*spool));
    StartRead(&message_);
  }

  Result<> check_header() {
    if (!more_ || !message_.has_header()) return bad_message("the first message is the header");
    const ImportImageRequest::Header& header = message_.header();
    TRY_ASSIGN(names_, to_image_names(header.names()));
    if (header.has_stream()) return {};
    path_ = header.path();
    if (path_.starts_with('/') && path_.find('\0') == std::string::npos) return {};
    return header.has_path() ? bad_message("path: is not absolute")
                             : bad_message("header: neither stream nor path is set");
  }

  Result<> take_chunk() {
    if (!message_.has_chunk() || message_.chunk().size() > kMaxChunk) {
      return bad_message("after the header come chunks up to 1 MiB");
    }
    return spool_->append(message_.chunk());
  }

  void hand_over_spool() {
    auto source = std::move(*spool_).finish();
    if (!source) return Finish(to_status(source.error()));
    hand_over(std::move(*source));
  }

  void hand_over(std::variant<std::string, ImportSource> source) {
    ImportRequest request{
        .names = std::move(names_),
        .source = std::move(source),
        .abandoned = [answer = answer_] { return answer->over(); },
    };
    const auto answer = answer_;
    auto& context = context_;
    // From here on a cancel finishes the call, and `this` may be gone.
    if (!answer->hand_over()) return Finish(grpc::Status::CANCELLED);
    context.reactor.post([&context, answer, request = std::move(request)]() mutable {
      context.images.import_image(
          std::move(request), [answer](const Result<ImageView>& result) { answer->give(result); });
    });
  }

  ApiContext& context_;
  const std::shared_ptr<Answer> answer_;
  ImportImageRequest message_;
  bool more_ = false;
  bool header_taken_ = false;
  std::vector<images::ImageName> names_;
  std::string path_;
  std::optional<Spool> spool_;
  runtime::Timer retry_;  // reactor's
};

}  // namespace

grpc::ServerReadReactor<ImportImageRequest>* ImageServiceImpl::Import(
    grpc::CallbackServerContext*, ImportImageResponse* response) {
  return new ImportStream(context_, *response);
}

}  // namespace skerry::agent
