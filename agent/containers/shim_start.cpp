#include "agent/containers/shim_start.h"

#include <poll.h>

#include <utility>

#include "agent/containers/launch_failure.h"
#include "agent/containers/shim_link.h"
#include "os/socket.h"

namespace skerry::agent {
namespace {

using launcher::ShimMessage;
using runtime::CancelToken;
using namespace std::chrono_literals;

// A shim says hello as soon as its child is cloned.
constexpr auto kOrphanDeadline = 10s;

// Notes how long a part took, and begins the next.
class Parts final {
 public:
  explicit Parts(std::vector<operations::Timing>& out) : out_(out) {}
  void end(const char* part) {
    const SteadyTime now = std::chrono::steady_clock::now();
    out_.push_back({part, now - std::exchange(since_, now)});
  }

 private:
  std::vector<operations::Timing>& out_;
  SteadyTime since_ = std::chrono::steady_clock::now();
};

void take_hello(ShimStart& start, ShimReport& report) {
  start.process.pid = report.packet.pid;
  start.process.start_ticks = report.packet.start_ticks;
  start.shim_pid = report.packet.shim_pid;
  if (!report.fds.empty()) start.process.pidfd = std::move(report.fds.front());
}

// A launcher that dies between taking a plan and answering leaves it open whether there is a shim.
// The control socket knows: without our copy of its other end it is hung up exactly if there is
// none. Returns true when there is none, and the plan was given a new pair to be sent again with.
Result<bool> renew_control(ShimStart& start, CancelToken& cancel) {
  UniqueFd& other_end = start.built.fds.at(static_cast<std::size_t>(start.built.plan.shim.control));
  other_end.reset();
  const SteadyTime deadline = std::chrono::steady_clock::now() + kOrphanDeadline;
  TRY_ASSIGN(const short events, cancel.wait_for(start.control.get(), POLLIN, deadline));
  if ((events & POLLHUP) == 0) return false;
  TRY_ASSIGN(auto pair, os::make_socket_pair());
  start.control = std::move(pair.first);
  other_end = std::move(pair.second);
  return true;
}

Result<Launched> send_plan(ShimStart& start, LauncherClient& launcher, CancelToken& cancel) {
  auto launched = launcher.launch(start.built, start.deadline);
  if (launched || launched.error().code() != Code::kUnavailable) return launched;
  TRY_ASSIGN(const bool renewed, renew_control(start, cancel));
  if (renewed) return launcher.launch(start.built, start.deadline);
  return launched;
}

}  // namespace

Result<> await_process(ShimStart& start, CancelToken& cancel, SteadyTime deadline) {
  Parts parts(start.parts);
  const ShimMessage wanted = start.hold ? ShimMessage::kCreated : ShimMessage::kRunning;
  for (;;) {
    TRY(cancel.wait_for(start.control.get(), POLLIN, deadline));
    auto report = receive_from_shim(start.control.get());
    if (!report) return std::move(report).error().wrap("the shim ended without a word");
    switch (report->packet.type) {
      case ShimMessage::kHello:
        take_hello(start, *report);
        parts.end("shim");
        break;
      case ShimMessage::kFailed:
        return launch_failure(start.built.plan, report->packet);
      default:
        break;
    }
    if (report->packet.type != wanted) continue;
    if (!start.process.pidfd) {
      return Error(Code::kInternal, "the shim named no process").with_reason("SHIM_PROTOCOL");
    }
    parts.end("process");
    start.running = !start.hold;
    start.running_ns = report->packet.time_ns;
    return {};
  }
}

Result<> start_shim(ShimStart& start, LauncherClient& launcher, CancelToken& cancel) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + start.deadline;
  Parts parts(start.parts);
  auto launched = send_plan(start, launcher, cancel);
  parts.end("launcher");
  // Our copies of what the container gets: an open overlay descriptor keeps its directories busy.
  start.built.fds.clear();
  if (launched) {
    start.shim_pid = launched->shim_pid;
    start.shim_pidfd = std::move(launched->shim_pidfd);
  } else if (launched.error().code() != Code::kUnavailable) {
    return std::move(launched).error();
  }
  auto result = await_process(start, cancel, deadline);
  if (!result && !launched) return std::move(launched).error();
  if (result && !start.shim_pidfd) {
    TRY_ASSIGN(os::ProcessRef shim, os::open_process(start.shim_pid));
    start.shim_pidfd = std::move(shim.pidfd);
  }
  return result;
}

}  // namespace skerry::agent
