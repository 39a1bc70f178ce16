#include "agent/containers/standby.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "agent/containers/launch.h"
#include "agent/containers/launch_failure.h"
#include "agent/containers/shim_link.h"
#include "os/memfd.h"
#include "os/socket.h"
#include "plan/codec.h"

namespace skerry::agent {
namespace {

using launcher::ShimMessage;
using launcher::ShimPacket;
using operations::FailpointRegistry;
using namespace std::chrono_literals;

constexpr auto kMakeDeadline = 10s;
constexpr auto kKillDeadline = 10s;

Result<> wait_hello(Standby& standby) {
  pollfd entry{.fd = standby.control.get(), .events = POLLIN, .revents = 0};
  const int ready =
      ::poll(&entry, 1, static_cast<int>(std::chrono::milliseconds(kMakeDeadline).count()));
  if (ready < 0) return Error::from_errno(errno, "poll");
  if (ready == 0) return Error(Code::kDeadlineExceeded, "the shim of a standby process is mute");
  TRY_ASSIGN(ShimReport report, receive_from_shim(standby.control.get()));
  if (report.packet.type == ShimMessage::kFailed) return launch_failure({}, report.packet);
  if (report.packet.type != ShimMessage::kHello || report.fds.empty()) {
    return Error(Code::kInternal, "the shim named no process").with_reason("SHIM_PROTOCOL");
  }
  standby.process.pid = report.packet.pid;
  standby.process.start_ticks = report.packet.start_ticks;
  standby.process.pidfd = std::move(report.fds.front());
  return {};
}

Result<> make(Host& host, const FailpointRegistry& failpoints, Standby& standby) {
  TRY(failpoints.hit("standby.cgroup"));
  TRY_ASSIGN(standby.cgroup, host.cgroups->create(standby.cgroup_path));
  TRY_ASSIGN(auto pair, os::make_socket_pair());
  standby.control = std::move(pair.first);
  isolators::PlanBuilder builder;
  plan::LaunchPlan& plan = builder.plan();
  plan.uid = standby.uid.str();
  plan.standby = true;
  plan.hold = false;
  plan.namespaces = standby.namespaces;
  // As containers have it (isolators/namespaces/).
  plan.cgroup_namespace = true;
  plan.shim.control = builder.add_fd(std::move(pair.second));
  TRY(add_join(builder, *standby.cgroup));
  const isolators::BuiltPlan built = builder.build();
  TRY(failpoints.hit("standby.shim"));
  TRY_ASSIGN(Launched launched, host.launcher->launch(built, kMakeDeadline));
  standby.shim_pid = launched.shim_pid;
  standby.shim_pidfd = std::move(launched.shim_pidfd);
  return wait_hello(standby);
}

// The shim opens what it finds. One with another name makes its own, and this one stays empty.
Result<> make_log_file(int directory) {
  constexpr mode_t kMode = 0640;
  const UniqueFd file(::openat(
      directory, LogSettings().name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kMode));
  if (!file) return Error::from_errno(errno, "make the log");
  return {};
}

// Everything that bears the uid and lies on a disk.
Result<> make_files(Host& host,
                    const FailpointRegistry& failpoints,
                    const StandbyWish& wish,
                    Standby& standby) {
  TRY(failpoints.hit("standby.files"));
  TRY_ASSIGN(standby.files, make_container_files(host.directories, standby.uid, 1));
  TRY(make_log_file(standby.files.log.get()));
  TRY(failpoints.hit("standby.mounts"));
  const isolators::Foreseen foreseen{
      .host = host.facts,
      .scratch = host.directories.root + "/containers/" + standby.uid.str(),
      .layers = wish.layers,
      .durable = wish.durable};
  for (const auto& isolator : host.isolators) TRY(isolator->make_ready(foreseen, standby.mounts));
  return failpoints.hit("standby.made");
}

}  // namespace

void declare_standby_failpoints(FailpointRegistry& failpoints) {
  for (const char* place :
       {"standby.cgroup", "standby.shim", "standby.files", "standby.mounts", "standby.made"}) {
    failpoints.declare(place);
  }
}

Result<std::unique_ptr<Standby>> make_standby(Host& host,
                                              const FailpointRegistry& failpoints,
                                              Uid uid,
                                              const StandbyWish& wish) {
  auto standby = std::make_unique<Standby>();
  standby->cgroup_path = host.parent + "/" + uid.str();
  standby->uid = std::move(uid);
  standby->namespaces = wish.namespaces;
  auto made = make(host, failpoints, *standby);
  if (made) made = make_files(host, failpoints, wish, *standby);
  if (made) return standby;
  // The first error is the one to report; what stays is swept at the next start.
  static_cast<void>(end_standby(host, *standby));
  return std::move(made).error().wrap("standby process");
}

bool is_waiting(const Standby& standby) {
  // Whatever it has to say now is that it ends.
  pollfd entry{.fd = standby.control.get(), .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) == 0;
}

Result<> end_standby(Host& host, Standby& standby) {
  if (standby.shim_pidfd) TRY(os::send_signal(standby.shim_pidfd.get(), SIGKILL));
  standby.control.reset();
  standby.cgroup.reset();
  // No recursive delete over what may be mounted: the root is detached, and goes first.
  standby.mounts = {};
  standby.files = {};
  TRY(kill_and_wait(*host.cgroups, standby.cgroup_path, kKillDeadline));
  TRY(host.cgroups->remove(standby.cgroup_path));
  return remove_container_files(host.directories, standby.uid);
}

Result<> fill_standby(ShimStart& start, runtime::CancelToken& cancel) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + start.deadline;
  // Its shim hands them on with the ends of three pipes. A shim of its own may have room for them.
  constexpr std::size_t kPipes = 3;
  if (start.built.fds.size() + kPipes > launcher::kMaxPlanFds) {
    return Error(Code::kUnavailable, "the plan has too many descriptors for a standby process")
        .with_reason(std::string(kStandbyGone));
  }
  TRY_ASSIGN(const UniqueFd plan, seal_plan(start.built.plan));
  std::vector<int> fds = {plan.get()};
  for (const UniqueFd& fd : start.built.fds) fds.push_back(fd.get());
  ShimPacket fill;
  fill.type = ShimMessage::kFill;
  auto sent = os::send_message(
      start.control.get(), {reinterpret_cast<const char*>(&fill), sizeof fill}, fds);
  if (!sent) {
    return std::move(sent).error().wrap("standby process").with_reason(std::string(kStandbyGone));
  }
  // Our copies of what the container gets: an open overlay descriptor keeps its directories busy.
  start.built.fds.clear();
  return await_process(start, cancel, deadline);
}

}  // namespace skerry::agent
