// A scheduler's side of a launch: the call, and the events that say the container has exited and
// was released.
#include "launches.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "calls.h"
#include "skerry/v1/event_service.grpc.pb.h"

namespace skerry::bench {
namespace {

// From the moment before the call to the events that end it.
struct Sample {
  double exited_us;
  double released_us;
};

struct WorkerResult {
  std::vector<Sample> samples;
  Clock::time_point started;
  Clock::time_point ended;
};

// One client with a connection of its own. Thread: one.
class Worker final {
 public:
  Worker(const Options& options, std::string label)
      : options_(options), label_(std::move(label)), spec_(make_spec(options, label_)) {
    const auto channel = connect(options);
    containers_ = v1::ContainerService::NewStub(channel);
    events_ = v1::EventService::NewStub(channel);
  }

  // Watches the events of this worker's containers from now on.
  void watch() {
    v1::WatchEventsRequest request;
    auto& selector = *request.mutable_filter()->add_labels();
    selector.set_key(kLabel);
    selector.set_value(label_);
    request.mutable_filter()->add_types(v1::EVENT_TYPE_CONTAINER_STATE);
    request.mutable_filter()->add_types(v1::EVENT_TYPE_CONTAINER_RELEASED);
    const auto span = std::chrono::milliseconds(options_.gap_ms) + std::chrono::milliseconds(500);
    const auto rounds = options_.rounds + options_.warmup;
    watch_context_.set_deadline(std::chrono::system_clock::now() + kCallDeadline + rounds * span);
    stream_ = events_->Watch(&watch_context_, request);
    stream_->WaitForInitialMetadata();
  }

  Result<> run(WorkerResult& result) {
    for (int i = 0; i < options_.warmup; i++) TRY(launch_once());
    result.started = Clock::now();
    for (int i = 0; i < options_.rounds; i++) {
      std::this_thread::sleep_for(std::chrono::milliseconds(options_.gap_ms));
      TRY_ASSIGN(const Sample sample, launch_once());
      result.samples.push_back(sample);
    }
    result.ended = Clock::now();
    watch_context_.TryCancel();
    return {};
  }

 private:
  Result<> launch(const std::string& id) {
    const auto call = context();
    v1::LaunchContainerRequest request;
    request.set_id(id);
    *request.mutable_spec() = spec_;
    request.set_wait_until(v1::LAUNCH_WAIT_ACCEPTED);
    request.set_view(v1::CONTAINER_VIEW_BASIC);
    v1::LaunchContainerResponse response;
    return check(containers_->Launch(call.get(), request, &response), "launch \"" + id + "\"");
  }

  Result<Sample> launch_once() {
    const std::string id = make_id(label_, ++launches_);
    const auto start = Clock::now();
    TRY(launch(id));
    Sample sample = {};
    bool exited = false;
    bool released = false;
    // The release is waited for as well: the floor undoes one launch before the next one too.
    while (!released) {
      v1::WatchEventsResponse response;
      if (!stream_->Read(&response)) {
        TRY(check(stream_->Finish(), "watch events"));
        return Error(Code::kUnknown, "the daemon ended the event stream");
      }
      const double now_us = Microseconds(Clock::now() - start).count();
      for (const v1::Event& event : response.events()) {
        if (event.id() != id) continue;
        if (event.type() == v1::EVENT_TYPE_CONTAINER_RELEASED) {
          sample.released_us = now_us;
          released = true;
        } else if (event.state() == v1::CONTAINER_STATE_EXITED) {
          TRY(check_exit(event));
          sample.exited_us = now_us;
          exited = true;
        }
      }
    }
    if (!exited) return Error(Code::kUnknown, fmt::format("\"{}\" released before it exited", id));
    return sample;
  }

  static Result<> check_exit(const v1::Event& event) {
    const v1::ExitInfo& exit = event.exit();
    if (exit.cause() == v1::EXIT_CAUSE_EXITED && exit.has_code() && exit.code() == 0) return {};
    return Error(Code::kUnknown,
                 fmt::format("\"{}\" did not end with 0: {}", event.id(), exit.DebugString()));
  }

  const Options& options_;
  std::string label_;
  v1::ContainerSpec spec_;
  int launches_ = 0;
  std::unique_ptr<v1::ContainerService::Stub> containers_;
  std::unique_ptr<v1::EventService::Stub> events_;
  grpc::ClientContext watch_context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchEventsResponse>> stream_;
};

Result<std::vector<WorkerResult>> run_workers(const Options& options) {
  Options each = options;
  each.rounds = (options.rounds + options.workers - 1) / options.workers;
  std::vector<WorkerResult> results(static_cast<std::size_t>(options.workers));
  std::vector<Result<>> outcomes(results.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < results.size(); i++) {
      threads.emplace_back([&each, &result = results[i], &outcome = outcomes[i], i] {
        Worker worker(each, fmt::format("{}-{}-{}", each.label, ::getpid(), i));
        worker.watch();
        outcome = worker.run(result);
      });
    }
  }
  for (auto& outcome : outcomes) TRY(std::move(outcome));
  return results;
}

nlohmann::json to_json(const std::vector<WorkerResult>& results) {
  std::vector<double> exited;
  std::vector<double> released;
  Clock::time_point first = results.front().started;
  Clock::time_point last = results.front().ended;
  for (const WorkerResult& result : results) {
    first = std::min(first, result.started);
    last = std::max(last, result.ended);
    for (const Sample& sample : result.samples) {
      exited.push_back(sample.exited_us);
      released.push_back(sample.released_us);
    }
  }
  const double seconds = std::chrono::duration<double>(last - first).count();
  return {{"exit_us", {{"samples", exited}}},
          {"undone_us", {{"samples", released}}},
          {"launches_per_s", static_cast<double>(exited.size()) / seconds}};
}

}  // namespace

Result<nlohmann::json> launch_in_rounds(const Options& options) {
  TRY_ASSIGN(const auto results, run_workers(options));
  return to_json(results);
}

}  // namespace skerry::bench
