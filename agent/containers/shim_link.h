// The daemon's end of a shim's connection, on the reactor. Packets come in as they were sent; what
// a shim sends is checked for its size only, so whoever handles it trusts no field of it blindly.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runtime/reactor.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "launcher/shim_protocol.h"

namespace skerry::agent {

/// One packet with what travelled beside it.
struct ShimReport {
  launcher::ShimPacket packet;
  std::vector<UniqueFd> fds;
};

/// Thread: reactor.
class ShimLink final {
 public:
  /// Called once per packet, and once with no packet when the other end has hung up; the link may
  /// be destroyed from inside.
  using Handler = std::function<void(std::optional<ShimReport>)>;

  static Result<std::unique_ptr<ShimLink>> attach(runtime::Reactor& reactor,
                                                  UniqueFd socket,
                                                  Handler handler);
  /// Errors: UNAVAILABLE when the shim is gone. Blocks: never.
  Result<> send(launcher::ShimMessage message);
  /// The same with a whole packet of the protocol.
  template <class Packet>
  Result<> send_packet(const Packet& packet) {
    static_assert(sizeof packet == sizeof(launcher::ShimPacket));
    return send_bytes({reinterpret_cast<const char*>(&packet), sizeof packet});
  }
  /// Hands over what has arrived already, without waiting for the reactor to say so.
  void drain();

 private:
  Result<> send_bytes(std::string_view bytes);
  ShimLink(UniqueFd socket, Handler handler)
      : socket_(std::move(socket)), handler_(std::move(handler)) {}

  UniqueFd socket_;
  Handler handler_;
  runtime::Watch watch_;
  /// Outlives the link in drain(): a handler may destroy us between two packets.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

 public:
  ShimLink(const ShimLink&) = delete;
  ShimLink& operator=(const ShimLink&) = delete;
  ~ShimLink() { *alive_ = false; }
};

/// Sends one message without arguments. Errors: UNAVAILABLE.
Result<> send_to_shim(int socket, launcher::ShimMessage message);

/// Receives one packet. Errors: as os::receive_message; DATA_LOSS for a packet of the wrong size.
Result<ShimReport> receive_from_shim(int socket);

/// What a shim of an earlier daemon says at its door; no socket: nobody answers.
struct ShimDoor {
  UniqueFd socket;
  ShimReport hello;
  UniqueFd shim_pidfd;
};

/// Connects to PARENT/NAME/shim.sock and waits for the Hello. Blocks: up to the deadline.
ShimDoor knock_at_shim(int parent, const std::string& name, std::chrono::milliseconds deadline);

}  // namespace skerry::agent
