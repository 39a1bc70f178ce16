// ReadLogs: one reader, one write at a time. Exactly one of three is under way at any moment: a
// worker reads the next entries, gRPC sends them, or the reactor waits for the log to grow. Whoever
// has the turn passes it on, so nothing here needs a lock, and a client that does not read stops
// its own stream and nothing else.

#include <sys/epoll.h>

#include <atomic>
#include <optional>

#include "agent/api/container_service.h"
#include "agent/api/status.h"
#include "agent/containers/record.h"
#include "logs/reader.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

using skerry::v1::ReadLogsRequest;
using skerry::v1::ReadLogsResponse;
using namespace std::chrono_literals;

constexpr std::size_t kBatchBytes = 256ULL << 10U;
constexpr auto kBusyRetry = 10ms;

Result<logs::StreamFilter> stream_filter(const ReadLogsRequest& request) {
  bool out = request.streams().empty();
  bool err = out;
  for (const int stream : request.streams()) {
    if (stream == skerry::v1::LOG_STREAM_STDOUT) {
      out = true;
    } else if (stream == skerry::v1::LOG_STREAM_STDERR) {
      err = true;
    } else {
      return Error(Code::kInvalidArgument, "streams: no such stream").with_reason("FIELD_INVALID");
    }
  }
  if (out && err) return logs::StreamFilter::kBoth;
  return out ? logs::StreamFilter::kStdout : logs::StreamFilter::kStderr;
}

Result<logs::LogReader::Options> reader_options(const ReadLogsRequest& request) {
  logs::LogReader::Options options;
  TRY_ASSIGN(options.streams, stream_filter(request));
  if (!request.after_cursor().empty()) {
    if (request.has_since() || request.has_tail()) {
      return Error(Code::kInvalidArgument, "after_cursor: not together with since or tail")
          .with_reason("FIELD_INVALID");
    }
    TRY_ASSIGN(options.after, logs::LogCursor::parse(request.after_cursor()));
  }
  if (request.has_since()) options.since = from_timestamp(request.since());
  if (request.has_tail()) options.tail = request.tail();
  return options;
}

void fill_entry(const logs::LogEntry& entry, skerry::v1::LogEntry& out) {
  *out.mutable_time() = to_timestamp(entry.header.time);
  out.set_stream(entry.header.stream == logs::Stream::kStdout ? skerry::v1::LOG_STREAM_STDOUT
                                                              : skerry::v1::LOG_STREAM_STDERR);
  out.set_partial(entry.header.partial);
  out.set_data(entry.text);
  out.set_cursor(entry.next.str());
}

class LogStream final : public grpc::ServerWriteReactor<ReadLogsResponse> {
 public:
  LogStream(ApiContext& context, const ReadLogsRequest& request)
      : context_(context), request_(request) {}

  void begin() {
    auto options = reader_options(request_);
    if (!options) return Finish(to_status(options.error()));
    resuming_ = options->after.has_value();
    context_.reactor.post(
        [this, options = std::move(*options)]() mutable { find_container(std::move(options)); });
  }

  // NOLINTBEGIN(readability-identifier-naming)
  void OnWriteDone(bool ok) override {
    if (!ok) cancelled_ = true;
    pass_to_worker();
  }
  void OnCancel() override {
    cancelled_ = true;
    context_.reactor.post([this, alive = seen_] {
      if (alive.lock()) wake();
    });
  }
  void OnDone() override { delete this; }
  // NOLINTEND(readability-identifier-naming)

 private:
  // --- reactor ---

  void find_container(logs::LogReader::Options options) {
    auto found = context_.containers.find(request_.container());
    if (!found) return Finish(to_status(found.error()));
    const Container& container = **found;
    uid_ = container.uid;
    const LogSettings& log = container.spec.log;
    directory_ =
        log.directory.empty() ? container.spec.config.root.scratch + "/log" : log.directory;
    options.name = log.name;
    options.max_files = log.max_files;
    options_ = std::move(options);
    context_.containers.count_log_reader(uid_, +1);
    if (request_.follow()) {
      context_.containers.wait_for_log(
          uid_,
          [this, alive = std::weak_ptr(alive_)](const Result<ViewPtr>&) {
            if (!alive.lock()) return;
            complete_ = true;
            wake();
          },
          [alive = std::weak_ptr(alive_)] { return alive.expired(); });
    }
    pass_to_worker();
  }

  void wait_for_growth() {
    if (complete_ || cancelled_) return pass_to_worker();
    waiting_ = true;
    auto watch = context_.reactor.watch(growth_fd_, EPOLLIN, [this](std::uint32_t) { wake(); });
    if (watch) {
      watch_ = std::move(*watch);
    } else {
      retry_ = context_.reactor.after(1s, [this] { wake(); });
    }
  }

  void wake() {
    if (!waiting_) return;
    waiting_ = false;
    watch_.reset();
    retry_.reset();
    pass_to_worker();
  }

  // Ends the call; only whoever has the turn may.
  void end(const grpc::Status& status) {
    context_.reactor.post([this, status] {
      context_.containers.count_log_reader(uid_, -1);
      alive_.reset();
      watch_.reset();
      retry_.reset();
      Finish(status);
    });
  }

  // --- worker ---

  void pass_to_worker() {
    if (context_.workers.submit([this] { read(); })) return;
    context_.reactor.post([this] {
      retry_ = context_.reactor.after(kBusyRetry, [this] {
        retry_.reset();
        pass_to_worker();
      });
    });
  }

  Result<> open_reader() {
    auto directory = os::open_dir(directory_);
    if (!directory) {
      return std::move(directory).error().wrap("open the log").with_reason("LOG_UNAVAILABLE");
    }
    options_.directory = std::move(*directory);
    reader_.emplace(logs::LogReader::open(std::move(options_)));
    if (request_.follow()) {
      // Before the first look, so that nothing is written unseen between the two.
      TRY_ASSIGN(growth_fd_, reader_->wait_descriptor());
    }
    return {};
  }

  void read() {
    if (cancelled_) return end(grpc::Status::CANCELLED);
    const bool complete = complete_;
    if (!reader_) {
      auto opened = open_reader();
      // Before its launch has made the directory a container has no output; what follows waits.
      const bool no_log_yet = !opened && opened.error().code() == Code::kNotFound;
      if (no_log_yet && (!request_.follow() || complete)) return end(grpc::Status::OK);
      if (no_log_yet) return look_again_soon();
      if (!opened) return end(to_status(opened.error()));
    }
    response_.Clear();
    auto filled = fill_response();
    if (!filled) return end(to_status(filled.error()));
    if (response_.entries_size() > 0) return StartWrite(&response_);
    if (!request_.follow() || complete) return end(grpc::Status::OK);
    context_.reactor.post([this] { wait_for_growth(); });
  }

  Result<> fill_response() {
    std::size_t bytes = 0;
    while (bytes < kBatchBytes) {
      TRY_ASSIGN(const std::optional<logs::LogEntry> entry, reader_->next());
      if (!entry) break;
      if (entry->gap && resuming_) {
        return Error(Code::kOutOfRange, "what the cursor names was rotated away")
            .with_reason("CURSOR");
      }
      resuming_ = false;
      fill_entry(*entry, *response_.add_entries());
      bytes += entry->text.size() + logs::kHeaderBytes;
    }
    return {};
  }

  void look_again_soon() {
    context_.reactor.post([this] {
      waiting_ = true;
      retry_ = context_.reactor.after(kBusyRetry, [this] { wake(); });
      if (complete_ || cancelled_) wake();
    });
  }

  ApiContext& context_;
  const ReadLogsRequest request_;
  ReadLogsResponse response_;
  Uid uid_;
  std::string directory_;
  logs::LogReader::Options options_;
  std::optional<logs::LogReader> reader_;
  int growth_fd_ = -1;
  bool resuming_ = false;
  bool waiting_ = false;  // reactor's
  std::atomic<bool> complete_ = false;
  std::atomic<bool> cancelled_ = false;
  runtime::Watch watch_;  // reactor's
  runtime::Timer retry_;  // reactor's
  // What outlives the turn (a cancel, a waiter) looks here whether we are still there.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  // For gRPC's thread, which must not look at what the reactor resets.
  const std::weak_ptr<bool> seen_ = alive_;
};

}  // namespace

grpc::ServerWriteReactor<ReadLogsResponse>* ContainerServiceImpl::ReadLogs(
    grpc::CallbackServerContext*, const ReadLogsRequest* request) {
  auto* stream = new LogStream(context_, *request);
  stream->begin();
  return stream;
}

}  // namespace skerry::agent
