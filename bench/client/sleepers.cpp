#include "sleepers.h"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "calls.h"

namespace skerry::bench {
namespace {

using Stub = v1::ContainerService::Stub;

// Does `work` with each number from 0 on, by as many clients as there are workers. Gives the first
// error; the others go on.
Result<> share_out(const Options& options,
                   int count,
                   const std::function<Result<>(Stub&, int number)>& work) {
  std::atomic<int> next = 0;
  std::vector<Result<>> outcomes(static_cast<std::size_t>(options.workers));
  {
    std::vector<std::jthread> threads;
    for (Result<>& outcome : outcomes) {
      threads.emplace_back([&options, &work, &next, &outcome, count] {
        const auto containers = v1::ContainerService::NewStub(connect(options));
        for (int number = next++; number < count; number = next++) {
          auto done = work(*containers, number);
          if (!done && outcome) outcome = std::move(done);
        }
      });
    }
  }
  for (Result<>& outcome : outcomes) TRY(std::move(outcome));
  return {};
}

Result<std::vector<std::string>> labelled(const Options& options) {
  const auto containers = v1::ContainerService::NewStub(connect(options));
  std::vector<std::string> uids;
  v1::ListContainersRequest request;
  do {
    const auto call = context();
    v1::ListContainersResponse page;
    TRY(check(containers->List(call.get(), request, &page), "list"));
    for (const v1::Container& container : page.containers()) {
      const auto label = container.labels().find(kLabel);
      // Those of launch bear the label with a worker's number behind.
      const bool ours =
          label != container.labels().end() && label->second.starts_with(options.label);
      if (ours) uids.push_back(container.uid());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return uids;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Result<nlohmann::json> start_sleepers(const Options& options) {
  const auto start = Clock::now();
  v1::LaunchContainerRequest pattern;
  *pattern.mutable_spec() = make_spec(options, options.label);
  pattern.mutable_spec()->add_args("pause");
  pattern.set_wait_until(v1::LAUNCH_WAIT_RUNNING);
  pattern.set_view(v1::CONTAINER_VIEW_BASIC);
  TRY(share_out(options, options.running, [&](Stub& containers, int number) {
    const auto call = context();
    v1::LaunchContainerRequest request = pattern;
    request.set_id(make_id(options.label, number));
    v1::LaunchContainerResponse response;
    return check(containers.Launch(call.get(), request, &response), "launch a sleeper");
  }));
  return nlohmann::json{{"started", options.running}, {"seconds", seconds_since(start)}};
}

Result<nlohmann::json> remove_labelled(const Options& options) {
  const auto start = Clock::now();
  TRY_ASSIGN(const auto uids, labelled(options));
  TRY(share_out(options, static_cast<int>(uids.size()), [&](Stub& containers, int number) {
    const auto call = context();
    v1::RemoveContainerRequest request;
    request.mutable_container()->set_uid(uids[static_cast<std::size_t>(number)]);
    request.set_force(true);
    v1::RemoveContainerResponse response;
    return check(containers.Remove(call.get(), request, &response), "remove");
  }));
  return nlohmann::json{{"removed", uids.size()}, {"seconds", seconds_since(start)}};
}

}  // namespace skerry::bench
