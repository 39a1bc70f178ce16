#include "reads.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "calls.h"

namespace skerry::bench {
namespace {

using Stub = v1::ContainerService::Stub;
using namespace std::chrono_literals;

constexpr std::uint32_t kPageSize = 10'000;

Result<nlohmann::json> time_call(const Options& options,
                                 const std::function<Result<int>(Stub&)>& call) {
  const auto containers = v1::ContainerService::NewStub(connect(options));
  std::vector<double> samples;
  int count = 0;
  for (int i = 0; i < options.warmup + options.rounds; i++) {
    const auto start = Clock::now();
    TRY_ASSIGN(count, call(*containers));
    if (i >= options.warmup) samples.push_back(Microseconds(Clock::now() - start).count());
  }
  return nlohmann::json{{"us", {{"samples", samples}}}, {"count", count}};
}

Result<int> list_all(Stub& containers) {
  v1::ListContainersRequest request;
  request.set_page_size(kPageSize);
  int count = 0;
  do {
    const auto call = context();
    v1::ListContainersResponse page;
    TRY(check(containers.List(call.get(), request, &page), "list"));
    count += page.containers_size();
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return count;
}

// Those that run, or -1 when nobody answers.
int count_running(Stub& containers) {
  v1::ListContainersRequest request;
  request.set_page_size(kPageSize);
  request.add_states(v1::CONTAINER_STATE_RUNNING);
  const auto call = context();
  v1::ListContainersResponse page;
  if (!containers.List(call.get(), request, &page).ok()) return -1;
  return page.containers_size();
}

}  // namespace

Result<nlohmann::json> time_list(const Options& options) { return time_call(options, list_all); }

Result<nlohmann::json> time_stats(const Options& options) {
  return time_call(options, [](Stub& containers) -> Result<int> {
    const auto call = context();
    v1::GetStatsResponse response;
    TRY(check(containers.GetStats(call.get(), {}, &response), "get stats"));
    return response.stats_size();
  });
}

Result<nlohmann::json> await_running(const Options& options) {
  const auto deadline = Clock::now() + kCallDeadline;
  while (Clock::now() < deadline) {
    // A new channel each time: one that failed to connect waits longer and longer.
    const auto containers = v1::ContainerService::NewStub(connect(options));
    if (count_running(*containers) >= options.running) {
      const auto now = Clock::now().time_since_epoch();
      return nlohmann::json{
          {"ready_ns", std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()}};
    }
    std::this_thread::sleep_for(1ms);
  }
  return Error(Code::kDeadlineExceeded, "the containers did not come back");
}

}  // namespace skerry::bench
