#include "launcher/standby.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "launcher/child.h"
#include "launcher/read_plan.h"
#include "os/socket.h"

namespace skerry::launcher {
namespace {

// The message's descriptors, the plan first; none when there will be no plan.
std::vector<UniqueFd> await_message(int control, int child) {
  for (;;) {
    std::array<pollfd, 2> fds = {{{.fd = control, .events = POLLIN, .revents = 0},
                                  {.fd = child, .events = POLLIN, .revents = 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return {};
    if (fds[1].revents != 0) return {};
    if (fds[0].revents == 0) continue;
    auto message = os::receive_message(control, sizeof(ShimPacket));
    if (!message || message->bytes.size() != sizeof(ShimPacket)) return {};
    ShimPacket packet;
    std::memcpy(&packet, message->bytes.data(), sizeof packet);
    if (packet.type != ShimMessage::kFill) return {};
    return std::move(message->fds);
  }
}

Result<> hand_on(const std::vector<UniqueFd>& fds, const ChildStdio& stdio, int sync) {
  SyncPacket packet{.kind = SyncKind::kFill, .operation = 0, .sys_errno = 0};
  std::vector<int> sent = {fds.front().get()};
  int bit = 1;
  for (const auto* end : {&stdio.input, &stdio.output, &stdio.errors}) {
    if (*end) {
      sent.push_back(end->get());
      packet.operation |= bit;
    }
    bit <<= 1;
  }
  for (std::size_t i = 1; i < fds.size(); ++i) sent.push_back(fds[i].get());
  return os::send_message(sync, {reinterpret_cast<const char*>(&packet), sizeof packet}, sent);
}

bool fits(const plan::LaunchPlan& standby, const plan::LaunchPlan& plan) {
  return !plan.standby && !plan.init && plan.enter.process == plan::kNoFd &&
         plan.join_pid_namespace == plan::kNoFd && plan.namespaces == standby.namespaces &&
         plan.cgroup_namespace == standby.cgroup_namespace && plan.uid == standby.uid &&
         check_plan(plan).has_value();
}

void refuse(ControlLink& control, std::int32_t operation, int sys_errno) {
  ShimPacket packet;
  packet.type = ShimMessage::kFailed;
  packet.operation = operation;
  packet.sys_errno = sys_errno;
  control.send(packet);
}

}  // namespace

std::optional<FilledPlan> await_fill(const plan::LaunchPlan& standby,
                                     ControlLink& control,
                                     ContainerProcess& child) {
  std::vector<UniqueFd> fds = await_message(control.connection(), child.pidfd.get());
  if (fds.empty()) return std::nullopt;
  auto plan = read_plan(fds.front().get());
  if (!plan || !fits(standby, *plan)) {
    refuse(control, kFailedPlan, EINVAL);
    return std::nullopt;
  }
  const auto stdio = make_stdio(plan->shim, child);
  if (!stdio) {
    refuse(control, kFailedStdio, stdio.error().sys_errno());
    return std::nullopt;
  }
  // The child reads it while we open the log.
  if (!hand_on(fds, *stdio, child.sync.get())) {
    refuse(control, kFailedKilled, 0);
    return std::nullopt;
  }
  fds.erase(fds.begin());
  return FilledPlan{.plan = std::move(*plan), .fds = FdTable(std::move(fds))};
}

}  // namespace skerry::launcher
