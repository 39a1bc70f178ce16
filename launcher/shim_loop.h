// ShimLoop: the shim's state machine, once its child is cloned.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "launcher/child.h"
#include "launcher/container_process.h"
#include "launcher/control_link.h"
#include "launcher/output_pump.h"
#include "launcher/shim_protocol.h"

namespace skerry::launcher {

/// settingUp → created → running → exited → gone, or settingUp|created → failed → gone.
/// Thread: shim.
class ShimLoop final {
 public:
  struct Parts {
    std::string uid;
    bool hold = true;
    bool open_stdin = false;
    ControlLink control;
    UniqueFd exit_record;
    std::uint64_t start_ticks = 0;
    ContainerProcess child;
    /// Of an exec: the first process of the container it is in.
    UniqueFd entered;
    OutputPump output;
  };
  explicit ShimLoop(Parts parts) : parts_(std::move(parts)), go_given_(!parts_.hold) {}

  /// Says Hello and serves until there is nothing left to do. Blocks: as long as the container
  /// runs.
  void run();

 private:
  using Clock = std::chrono::steady_clock;

  void poll_once();
  int timeout() const;
  void on_timeout();
  bool drain_is_over() const;
  void on_message(const ShimPacket& packet);
  void on_stdin_message(ShimMessage type);
  void on_attach(const AttachPacket& packet);
  void on_resize(const ResizePacket& packet);
  void send_devpts();
  void refuse(int sys_errno);
  bool on_sync();
  void on_sync_message(const SyncPacket& packet, std::vector<UniqueFd> fds);
  void on_ready();
  void on_exec();
  void on_child_ended();
  void on_failed(int status);
  void on_exited(int status);
  void start();
  void send_hello();
  void send_exited();
  void write_record();
  bool done();

  Parts parts_;
  UniqueFd devpts_;  ///< Of the container, for terminals of execs.
  ShimState state_ = ShimState::kSettingUp;
  bool child_ready_ = false;
  bool start_wanted_ = false;
  bool go_given_;  ///< The child becomes the program when it is ready.
  bool failed_ = false;
  std::optional<SyncPacket> failure_;
  int status_ = 0;
  std::uint64_t exit_time_ns_ = 0;
  std::uint64_t recorded_drops_ = 0;
  Clock::time_point drain_deadline_;
};

}  // namespace skerry::launcher
