#include "launcher/sandbox_requests.h"

#include <cerrno>
#include <csignal>
#include <span>

#include "launcher/sandbox_maker.h"
#include "os/socket.h"
#include "os/syscalls.h"

namespace skerry::launcher {
namespace {

bool send(int socket, const auto& packet, std::span<const int> fds = {}) {
  return static_cast<bool>(
      os::send_message(socket, {reinterpret_cast<const char*>(&packet), sizeof packet}, fds));
}

bool refuse(int connection, SandboxPacket packet, int sys_errno) {
  packet.type = LauncherMessage::kSandboxRefused;
  packet.sys_errno = sys_errno;
  return send(connection, packet);
}

}  // namespace

bool SandboxRequests::handle(int connection,
                             const SandboxPacket& packet,
                             const std::vector<UniqueFd>& fds) const {
  switch (packet.type) {
    case LauncherMessage::kMakeSandbox:
    case LauncherMessage::kGetSandbox:
    case LauncherMessage::kDropSandbox:
    case LauncherMessage::kListSandboxes:
      break;
    default: {
      LauncherPacket unknown;
      unknown.type = LauncherMessage::kUnknown;
      unknown.request = packet.request;
      return send(connection, unknown);
    }
  }
  if (holder < 0) return refuse(connection, packet, EOPNOTSUPP);
  if (packet.type != LauncherMessage::kMakeSandbox) {
    if (send(holder, packet, std::span(&connection, 1))) return true;
    return refuse(connection, packet, EAGAIN);
  }
  if (fds.size() != 1) return false;
  os::sys::CloneArgs args;
  args.exit_signal = SIGCHLD;
  const pid_t pid = os::sys::clone3(args);
  if (pid < 0) return refuse(connection, packet, errno);
  if (pid > 0) return true;
  run_sandbox_maker({.request = packet.request,
                     .plan = fds.front().get(),
                     .connection = connection,
                     .holder = holder,
                     .proc = proc});
}

}  // namespace skerry::launcher
