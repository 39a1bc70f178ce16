#include "cli/progress.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/render/human.h"
#include "cli/render/table.h"
#include "skerry/v1/agent_service.grpc.pb.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using namespace std::chrono_literals;

bool can_rewrite_lines() {
  const char* terminal = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
  return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

constexpr std::size_t kWidth = 76;

}  // namespace

StatusLine::StatusLine() : terminal_(can_rewrite_lines()) {}

StatusLine::~StatusLine() {
  if (dirty_) print_error("\r\033[K");
}

void StatusLine::set(std::string_view text) {
  if (!terminal_) return;
  print_error("\r\033[K" + cut(printable(text), kWidth));
  dirty_ = true;
}

ByteProgress::ByteProgress(std::string verb)
    : verb_(std::move(verb)), start_(Clock::now()), shown_(start_) {}

void ByteProgress::add(std::uint64_t bytes) {
  bytes_ += bytes;
  if (!line_.is_shown()) return;
  const auto now = Clock::now();
  if (now - shown_ < 250ms) return;
  shown_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(bytes_) / seconds);
  line_.set(fmt::format("{} {}, {} a second", human_bytes(bytes_), verb_, human_bytes(rate)));
}

StepProgress::StepProgress(const Client& client, std::function<std::string()> find_uid)
    : client_(client), find_uid_(std::move(find_uid)) {
  if (line_.is_shown()) thread_ = std::thread([this] { loop(); });
}

StepProgress::~StepProgress() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

bool StepProgress::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !ended_.wait_for(lock, time, [this] { return end_; });
}

void StepProgress::loop() {
  std::string uid;
  for (bool more = wait(1s); more; more = wait(300ms)) {
    if (uid.empty()) uid = find_uid_();
    if (uid.empty()) continue;
    const auto operations =
        client_.call(&v1::AgentService::Stub::ListOperations, v1::ListOperationsRequest());
    if (!operations) return;
    const WallTime now = SystemClock().wall();
    for (const auto& operation : operations->operations()) {
      if (operation.object().find(uid) == std::string::npos) continue;
      line_.set(fmt::format("{}: {}, {}",
                            operation.kind(),
                            operation.step(),
                            human_duration(now - wall_time(operation.step_started_at()))));
    }
  }
}

std::string uid_of(const Client& client, const v1::ContainerRef& container) {
  v1::GetContainerRequest request;
  *request.mutable_container() = container;
  request.set_view(v1::CONTAINER_VIEW_BASIC);
  const auto found = client.call(&v1::ContainerService::Stub::Get, request);
  return found ? found->container().uid() : "";
}

}  // namespace skerry::cli
