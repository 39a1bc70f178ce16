// The shim's line to the daemon: one connection at a time, and a socket to take the next one from.
#pragma once

#include <bit>
#include <optional>

#include "base/unique_fd.h"
#include "launcher/shim_protocol.h"

namespace skerry::launcher {

/// Nothing here fails: a connection that does is dropped, and the shim goes on without it.
/// Blocks: never. Thread: shim.
class ControlLink final {
 public:
  ControlLink() = default;
  /// Either may be none.
  ControlLink(UniqueFd connection, UniqueFd listener);

  bool connected() const { return static_cast<bool>(connection_); }
  /// For poll(2); -1 when there is none.
  int connection() const { return connection_.get(); }
  int listener() const { return listener_.get(); }

  /// Where the next one comes from, from now on.
  void listen_on(UniqueFd listener);
  /// Takes a waiting connection of root, in place of the one there is. False when none came.
  bool accept();
  /// `fd` is borrowed; -1 is none.
  void send(const ShimPacket& packet, int fd = -1);
  /// One of the packets that are as long as ShimPacket.
  template <class Packet>
  void send(const Packet& packet, int fd = -1) {
    send(std::bit_cast<ShimPacket>(packet), fd);
  }
  /// The next message; absent when there is none, or the connection had to be dropped.
  std::optional<ShimPacket> receive();

 private:
  UniqueFd connection_;
  UniqueFd listener_;
};

}  // namespace skerry::launcher
