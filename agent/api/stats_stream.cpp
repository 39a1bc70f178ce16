// GetStats and WatchStats: the reactor says which, a worker reads the cgroups, gRPC sends.

#include <fcntl.h>
#include <poll.h>

#include <atomic>

#include <google/protobuf/util/time_util.h>

#include "agent/api/container_service.h"
#include "agent/api/stats_answers.h"
#include "agent/api/unary_call.h"
#include "agent/networks/interface_stats.h"

namespace skerry::agent {
namespace {

using google::protobuf::RepeatedPtrField;
using skerry::v1::ContainerRef;
using skerry::v1::ContainerStats;
using skerry::v1::WatchStatsRequest;
using skerry::v1::WatchStatsResponse;
using namespace std::chrono_literals;

constexpr auto kDefaultInterval = 1000ms;
constexpr auto kMinInterval = 100ms;
constexpr auto kMaxInterval = std::chrono::hours(1);

struct Subject {
  ViewPtr view;
  std::shared_ptr<os::Cgroup> cgroup;
  /// Its first process; its own copy, so that it stays the right one while it is read.
  pid_t pid = -1;
  std::shared_ptr<UniqueFd> pidfd;
};

// Only of who has interfaces beside loopback.
Subject subject_of(const Container& container) {
  Subject subject{.view = container.view, .cgroup = container.cgroup, .pidfd = {}};
  if (container.api().networks().empty() || !container.process.pidfd) return subject;
  subject.pid = container.process.pid;
  subject.pidfd =
      std::make_shared<UniqueFd>(::fcntl(container.process.pidfd.get(), F_DUPFD_CLOEXEC, 0));
  return subject;
}

struct Selection {
  std::vector<ContainerRef> containers;
  std::optional<std::string> tenant;
};

// Thread: reactor.
Result<std::vector<Subject>> select(ContainerManager& manager, const Selection& selection) {
  std::vector<Subject> subjects;
  for (const ContainerRef& ref : selection.containers) {
    TRY_ASSIGN(const Container* container, manager.find(ref));
    if (container->cgroup) subjects.push_back(subject_of(*container));
  }
  if (!selection.containers.empty()) return subjects;
  for (const auto& [uid, container] : manager.containers()) {
    if (!container->cgroup) continue;
    if (selection.tenant && *selection.tenant != container->api().tenant()) continue;
    subjects.push_back(subject_of(*container));
  }
  std::ranges::sort(subjects, {}, [](const Subject& subject) { return subject.view->ordinal; });
  return subjects;
}

// What was read is of the right process if that one still lives now.
void add_interfaces(const Subject& subject, ContainerStats& out) {
  if (!subject.pidfd || !*subject.pidfd) return;
  const auto interfaces = read_interfaces(subject.pid);
  pollfd ended{.fd = subject.pidfd->get(), .events = POLLIN, .revents = 0};
  if (!interfaces || ::poll(&ended, 1, 0) != 0) return;
  fill_interfaces(*interfaces, subject.view->container.networks(), *out.mutable_interfaces());
}

// Thread: worker. A container that ends meanwhile is left out.
void read_all(const std::vector<Subject>& subjects,
              const Clock& clock,
              RepeatedPtrField<ContainerStats>& out) {
  for (const Subject& subject : subjects) {
    const auto usage = subject.cgroup->usage();
    if (!usage) continue;
    ContainerStats& stats = *out.Add();
    fill_stats(subject.view->container, *usage, clock.wall(), stats);
    add_interfaces(subject, stats);
  }
}

// One round after another; who has the turn is as in log_stream.cpp.
class StatsStream final : public grpc::ServerWriteReactor<WatchStatsResponse> {
 public:
  StatsStream(ApiContext& context, Selection selection, std::chrono::nanoseconds interval)
      : context_(context), selection_(std::move(selection)), interval_(interval) {}

  void begin() {
    context_.reactor.post([this] { round(); });
  }

  // NOLINTBEGIN(readability-identifier-naming)
  void OnWriteDone(bool ok) override {
    if (!ok) cancelled_ = true;
    context_.reactor.post([this] { pause(); });
  }
  void OnCancel() override {
    cancelled_ = true;
    context_.reactor.post([this, alive = seen_] {
      if (alive.lock() && timer_) end(grpc::Status::CANCELLED);
    });
  }
  void OnDone() override { delete this; }
  // NOLINTEND(readability-identifier-naming)

 private:
  void round() {
    timer_.reset();
    if (cancelled_) return end(grpc::Status::CANCELLED);
    auto subjects = select(context_.containers, selection_);
    if (!subjects) return end(to_status(subjects.error()));
    auto work = [this, subjects = std::move(*subjects)] {
      response_.Clear();
      read_all(subjects, context_.clock, *response_.mutable_stats());
      StartWrite(&response_);
    };
    auto submitted = context_.workers.submit(std::move(work));
    if (!submitted) end(to_status(submitted.error()));
  }

  void pause() {
    if (cancelled_) return end(grpc::Status::CANCELLED);
    timer_ = context_.reactor.after(interval_, [this] { round(); });
  }

  // Thread: reactor.
  void end(const grpc::Status& status) {
    timer_.reset();
    alive_.reset();
    Finish(status);
  }

  ApiContext& context_;
  const Selection selection_;
  const std::chrono::nanoseconds interval_;
  WatchStatsResponse response_;
  std::atomic<bool> cancelled_ = false;
  runtime::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  // For gRPC's thread, which must not look at what the reactor resets.
  const std::weak_ptr<bool> seen_ = alive_;
};

// Refuses a call before it begins.
template <class Response>
class RefusedStream final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedStream(const Error& error) { this->Finish(to_status(error)); }
  void OnDone() override { delete this; }  // NOLINT(readability-identifier-naming)
};

}  // namespace

grpc::ServerUnaryReactor* ContainerServiceImpl::GetStats(grpc::CallbackServerContext*,
                                                         const skerry::v1::GetStatsRequest* request,
                                                         skerry::v1::GetStatsResponse* response) {
  auto* call = new UnaryCall();
  Selection selection{.containers = {request->containers().begin(), request->containers().end()},
                      .tenant = {}};
  if (request->has_tenant()) selection.tenant = request->tenant();
  context_.reactor.post(
      [this, response, pending = call->pending(), selection = std::move(selection)] {
        auto subjects = select(context_.containers, selection);
        if (!subjects) return pending->finish(to_status(subjects.error()), [] {});
        auto work = [this, response, pending, subjects = std::move(*subjects)] {
          RepeatedPtrField<ContainerStats> stats;
          read_all(subjects, context_.clock, stats);
          pending->finish(grpc::Status::OK, [&] { response->mutable_stats()->Swap(&stats); });
        };
        auto submitted = context_.workers.submit(std::move(work));
        if (!submitted) pending->finish(to_status(submitted.error()), [] {});
      });
  return call;
}

grpc::ServerWriteReactor<WatchStatsResponse>* ContainerServiceImpl::WatchStats(
    grpc::CallbackServerContext*, const WatchStatsRequest* request) {
  Selection selection{.containers = {request->containers().begin(), request->containers().end()},
                      .tenant = {}};
  if (request->has_tenant()) selection.tenant = request->tenant();
  std::chrono::nanoseconds interval = kDefaultInterval;
  if (request->has_interval()) {
    using google::protobuf::util::TimeUtil;
    const auto& wanted = request->interval();
    const bool sane = wanted.seconds() >= 0 && wanted.nanos() >= 0 && wanted.seconds() <= 3600;
    interval = sane ? std::chrono::nanoseconds(TimeUtil::DurationToNanoseconds(wanted)) : 0ns;
    if (interval < kMinInterval || interval > kMaxInterval) {
      return new RefusedStream<WatchStatsResponse>(
          Error(Code::kInvalidArgument, "interval: is not between 100 ms and 1 h")
              .with_reason("FIELD_INVALID"));
    }
  }
  auto* stream = new StatsStream(context_, std::move(selection), interval);
  stream->begin();
  return stream;
}

}  // namespace skerry::agent
