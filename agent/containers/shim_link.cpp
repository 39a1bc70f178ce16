#include "agent/containers/shim_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "os/path.h"
#include "os/pidfd.h"
#include "os/socket.h"

namespace skerry::agent {

using launcher::ShimMessage;
using launcher::ShimPacket;

Result<> send_to_shim(int socket, ShimMessage message) {
  ShimPacket packet;
  packet.type = message;
  return os::send_message(socket, {reinterpret_cast<const char*>(&packet), sizeof packet});
}

Result<ShimReport> receive_from_shim(int socket) {
  // One descriptor is the most a shim has to say; more are a broken message.
  TRY_ASSIGN(os::Message message, os::receive_message(socket, sizeof(ShimPacket), 1));
  if (message.bytes.size() != sizeof(ShimPacket)) {
    return Error(Code::kDataLoss, "the shim sent a message of the wrong size");
  }
  ShimReport report;
  std::memcpy(&report.packet, message.bytes.data(), sizeof report.packet);
  report.fds = std::move(message.fds);
  return report;
}

Result<std::unique_ptr<ShimLink>> ShimLink::attach(runtime::Reactor& reactor,
                                                   UniqueFd socket,
                                                   Handler handler) {
  const int flags = ::fcntl(socket.get(), F_GETFL);
  if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return Error::from_errno(errno, "make the shim's socket non-blocking");
  }
  std::unique_ptr<ShimLink> link(new ShimLink(std::move(socket), std::move(handler)));
  ShimLink* raw = link.get();
  TRY_ASSIGN(link->watch_,
             reactor.watch(raw->socket_.get(), EPOLLIN, [raw](std::uint32_t) { raw->drain(); }));
  return link;
}

Result<> ShimLink::send(ShimMessage message) { return send_to_shim(socket_.get(), message); }

Result<> ShimLink::send_bytes(std::string_view bytes) {
  return os::send_message(socket_.get(), bytes);
}

void ShimLink::drain() {
  const std::shared_ptr<bool> alive = alive_;
  // A copy: the handler may destroy the link, and with it the function that is running.
  const Handler handler = handler_;
  while (*alive) {
    auto report = receive_from_shim(socket_.get());
    if (report) {
      handler(std::move(*report));
      continue;
    }
    if (report.error().sys_errno() == EAGAIN) return;
    watch_.reset();
    handler(std::nullopt);
    return;
  }
}

ShimDoor knock_at_shim(int parent, const std::string& name, std::chrono::milliseconds deadline) {
  ShimDoor door;
  const auto run = os::open_dir_at(parent, name);
  if (!run) return door;
  auto socket = os::connect_at(run->get(), "shim.sock");
  if (!socket) return door;
  pollfd poll_fd{.fd = socket->get(), .events = POLLIN, .revents = 0};
  if (::poll(&poll_fd, 1, static_cast<int>(deadline.count())) <= 0) return door;
  auto hello = receive_from_shim(socket->get());
  if (!hello || hello->packet.type != launcher::ShimMessage::kHello) return door;
  auto shim = os::open_process(hello->packet.shim_pid);
  if (!shim) return door;
  door.shim_pidfd = std::move(shim->pidfd);
  door.hello = std::move(*hello);
  door.socket = std::move(*socket);
  return door;
}

}  // namespace skerry::agent
