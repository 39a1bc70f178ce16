// What a scheduler sees: launches over gRPC and waits for the event that says the container has
// exited. Prints the samples as JSON, in the floor program's form, for bench/run.py.

#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <nlohmann/json.hpp>

#include "base/result.h"
#include "skerry/v1/container_service.grpc.pb.h"
#include "skerry/v1/event_service.grpc.pb.h"

namespace skerry::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

constexpr auto kCallDeadline = std::chrono::seconds(30);
constexpr const char* kWorkerLabel = "bench.worker";

struct Options {
  std::string host;
  std::string image;
  int rounds = 100;
  int warmup = 3;
  int gap_ms = 0;
  int workers = 1;
  int running = 0;
};

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

Result<> check(const grpc::Status& status, std::string_view what) {
  if (status.ok()) return {};
  return Error(Code::kUnknown, fmt::format("{}: {}", what, status.error_message()));
}

// The limits of the floor program's and crun's container.
v1::ContainerSpec make_spec(const Options& options, const std::string& label) {
  constexpr std::uint64_t kHalfCpu = 500;
  constexpr std::uint64_t kMemoryBytes = 64U << 20U;
  constexpr std::uint64_t kPids = 1024;
  v1::ContainerSpec spec;
  spec.mutable_root()->set_image(options.image);
  spec.add_command("/bin/true");
  (*spec.mutable_labels())[kWorkerLabel] = label;
  spec.set_remove_on_exit(true);
  spec.mutable_pod()->set_network(v1::NETWORK_MODE_NONE);
  v1::Resources& resources = *spec.mutable_resources();
  resources.mutable_requests()->set_millicpu(kHalfCpu);
  resources.mutable_limits()->mutable_cpu()->set_millicpu(kHalfCpu);
  resources.mutable_limits()->mutable_memory()->set_bytes(kMemoryBytes);
  resources.mutable_limits()->mutable_pids()->set_count(kPids);
  return spec;
}

// A removed id is refused for a day, so ids differ from run to run too.
std::string make_id(const std::string& label, int number) {
  static const auto kRun = Clock::now().time_since_epoch().count();
  return fmt::format("bench-{:x}-{}-{}-{}", kRun, ::getpid(), label, number);
}

// One client with a connection of its own. Thread: one.
class Worker final {
 public:
  Worker(const Options& options, std::string label)
      : options_(options), label_(std::move(label)), spec_(make_spec(options, label_)) {
    grpc::ChannelArguments arguments;
    // Else all channels to one address share a connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ =
        grpc::CreateCustomChannel(options.host, grpc::InsecureChannelCredentials(), arguments);
    containers_ = v1::ContainerService::NewStub(channel_);
    events_ = v1::EventService::NewStub(channel_);
  }

  // Watches the events of this worker's containers from now on.
  void watch() {
    v1::WatchEventsRequest request;
    auto& selector = *request.mutable_filter()->add_labels();
    selector.set_key(kWorkerLabel);
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

  // Starts one container that sleeps; answers with its id once it runs.
  Result<std::string> start_sleeper() {
    v1::ContainerSpec spec = spec_;
    spec.add_args("pause");
    const std::string id = make_id(label_, ++launches_);
    TRY(launch(id, spec, v1::LAUNCH_WAIT_RUNNING));
    return id;
  }

  Result<> remove(const std::string& id) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
    v1::RemoveContainerRequest request;
    request.mutable_container()->set_id(id);
    request.set_force(true);
    v1::RemoveContainerResponse response;
    return check(containers_->Remove(&context, request, &response), "remove \"" + id + "\"");
  }

 private:
  Result<> launch(const std::string& id, const v1::ContainerSpec& spec, v1::LaunchWait wait) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
    v1::LaunchContainerRequest request;
    request.set_id(id);
    *request.mutable_spec() = spec;
    request.set_wait_until(wait);
    request.set_view(v1::CONTAINER_VIEW_BASIC);
    v1::LaunchContainerResponse response;
    return check(containers_->Launch(&context, request, &response), "launch \"" + id + "\"");
  }

  Result<Sample> launch_once() {
    const std::string id = make_id(label_, ++launches_);
    const auto start = Clock::now();
    TRY(launch(id, spec_, v1::LAUNCH_WAIT_ACCEPTED));
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
  std::shared_ptr<grpc::Channel> channel_;
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
        Worker worker(each, fmt::format("{}-{}", ::getpid(), i));
        worker.watch();
        outcome = worker.run(result);
      });
    }
  }
  for (auto& outcome : outcomes) TRY(std::move(outcome));
  return results;
}

// Sleeping containers from construction to stop().
class Sleepers final {
 public:
  explicit Sleepers(const Options& options) : worker_(options, fmt::format("{}-s", ::getpid())) {}

  Result<> start(int count) {
    for (int i = 0; i < count; i++) {
      TRY_ASSIGN(std::string id, worker_.start_sleeper());
      ids_.push_back(std::move(id));
    }
    return {};
  }

  // Goes on after an error, so that as few as possible are left; gives the first one.
  Result<> stop() {
    Result<> first;
    for (const std::string& id : ids_) {
      auto removed = worker_.remove(id);
      if (!removed && first) first = std::move(removed);
    }
    ids_.clear();
    return first;
  }

 private:
  Worker worker_;
  std::vector<std::string> ids_;
};

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

Result<nlohmann::json> measure(const Options& options) {
  Sleepers sleepers(options);
  auto started = sleepers.start(options.running);
  auto results =
      started ? run_workers(options) : Result<std::vector<WorkerResult>>(started.error());
  TRY(sleepers.stop());
  if (!results) return results.error();
  return to_json(*results);
}

constexpr const char* kUsage =
    "usage: client --host URL --image NAME [--rounds N] [--warmup N] [--gap-ms G] [--workers W]\n"
    "              [--running N]\n";

[[noreturn]] void refuse_usage() {
  fmt::print(stderr, "{}", kUsage);
  std::exit(2);  // NOLINT(concurrency-mt-unsafe): before any thread
}

void take_number(int& number, std::string_view text, int least) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least) refuse_usage();
}

Options parse(int argc, char** argv) {
  constexpr option kNames[] = {{"host", required_argument, nullptr, 'h'},
                               {"image", required_argument, nullptr, 'i'},
                               {"rounds", required_argument, nullptr, 'r'},
                               {"warmup", required_argument, nullptr, 'u'},
                               {"gap-ms", required_argument, nullptr, 'g'},
                               {"workers", required_argument, nullptr, 'w'},
                               {"running", required_argument, nullptr, 'k'},
                               {nullptr, 0, nullptr, 0}};
  Options options;
  int which = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
  while ((which = ::getopt_long(argc, argv, "", kNames, nullptr)) != -1) {
    switch (which) {
      case 'h':
        options.host = optarg;
        break;
      case 'i':
        options.image = optarg;
        break;
      case 'r':
        take_number(options.rounds, optarg, 1);
        break;
      case 'u':
        take_number(options.warmup, optarg, 0);
        break;
      case 'g':
        take_number(options.gap_ms, optarg, 0);
        break;
      case 'w':
        take_number(options.workers, optarg, 1);
        break;
      case 'k':
        take_number(options.running, optarg, 0);
        break;
      default:
        refuse_usage();
    }
  }
  if (optind != argc || options.host.empty() || options.image.empty()) refuse_usage();
  return options;
}

}  // namespace
}  // namespace skerry::bench

int main(int argc, char** argv) {
  const auto options = skerry::bench::parse(argc, argv);
  const auto document = skerry::bench::measure(options);
  if (!document) {
    fmt::print(stderr, "client: {}\n", document.error().message());
    return 1;
  }
  fmt::print("{}\n", document->dump());
  return 0;
}
