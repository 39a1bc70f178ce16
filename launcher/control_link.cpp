#include "launcher/control_link.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "os/socket.h"

namespace skerry::launcher {
namespace {

// A daemon that does not read must not stop the container's output.
bool make_nonblocking(int fd) { return fd < 0 || ::fcntl(fd, F_SETFL, O_NONBLOCK) == 0; }

}  // namespace

ControlLink::ControlLink(UniqueFd connection, UniqueFd listener)
    : connection_(std::move(connection)), listener_(std::move(listener)) {
  if (!make_nonblocking(connection_.get())) connection_.reset();
  if (!make_nonblocking(listener_.get())) listener_.reset();
}

void ControlLink::listen_on(UniqueFd listener) {
  listener_ = std::move(listener);
  if (!make_nonblocking(listener_.get())) listener_.reset();
}

bool ControlLink::accept() {
  auto accepted = os::accept_connection(listener_.get());
  if (!accepted) {
    // Anything but "nobody waits" would come again at once and for ever.
    if (accepted.error().sys_errno() != EAGAIN && accepted.error().sys_errno() != EMFILE &&
        accepted.error().sys_errno() != ENFILE && accepted.error().sys_errno() != ENOMEM)
      listener_.reset();
    return false;
  }
  const auto peer = os::peer_credentials(accepted->get());
  if (!peer || peer->uid != 0 || !make_nonblocking(accepted->get())) return false;
  connection_ = std::move(*accepted);
  return true;
}

void ControlLink::send(const ShimPacket& packet, int fd) {
  if (!connection_) return;
  const auto fds = fd >= 0 ? std::span<const int>(&fd, 1) : std::span<const int>();
  const auto sent = os::send_message(
      connection_.get(), {reinterpret_cast<const char*>(&packet), sizeof packet}, fds);
  if (!sent) connection_.reset();
}

std::optional<ShimPacket> ControlLink::receive() {
  if (!connection_) return std::nullopt;
  const auto message = os::receive_message(connection_.get(), sizeof(ShimPacket), 0);
  if (!message && message.error().sys_errno() == EAGAIN) return std::nullopt;
  if (!message || message->bytes.size() != sizeof(ShimPacket)) {
    connection_.reset();
    return std::nullopt;
  }
  ShimPacket packet;
  std::memcpy(&packet, message->bytes.data(), sizeof packet);
  return packet;
}

}  // namespace skerry::launcher
