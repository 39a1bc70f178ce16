// What an exec writes, between its shim and the one client that may take it.
#pragma once

#include <functional>
#include <memory>

#include "agent/attach/frame_reader.h"
#include "agent/attach/output_queue.h"
#include "skerry/v1/exec_service.pb.h"

namespace skerry::agent {

/// Thread: reactor.
class ExecOutput final {
 public:
  ExecOutput(runtime::Reactor& reactor, skerry::v1::ExecOutput policy);

  /// Whether the shim is to be asked for the output now: it is wanted, and was not yet.
  bool wants_connection() const;
  void connecting() { state_ = State::kConnecting; }
  /// Errors: as FrameReader::open.
  Result<> connect(UniqueFd socket);
  /// Nothing more will come than what is here and in the socket.
  void end();
  /// Nothing more will come than what is here.
  void cut_off();

  /// `on_ready` is called when take() may have something to give, or the end was reached.
  void set_client(std::function<void()> on_ready);
  void clear_client();
  bool has_client() const { return static_cast<bool>(on_ready_); }
  /// The exec is over, or anything else a client waits for.
  void wake_client() const;

  std::optional<OutputPiece> take();
  /// All of it was taken.
  bool done() const { return state_ == State::kEnded && queue_.empty(); }
  std::uint64_t dropped() const { return queue_.dropped() + dropped_before_; }

  /// What waits for a client here; the same again waits in the pipe and the socket.
  static constexpr std::size_t kLimit = 64UL * 1024;

 private:
  enum class State : std::uint8_t { kApart, kConnecting, kConnected, kEnded };
  bool waits() const;
  void on_frame(std::optional<OutputPiece> piece);
  void adjust();
  void drop_reader();

  runtime::Reactor& reactor_;
  skerry::v1::ExecOutput policy_;
  State state_ = State::kApart;
  OutputQueue queue_;
  std::uint64_t dropped_before_ = 0;  ///< by the shim
  std::unique_ptr<FrameReader> reader_;
  std::function<void()> on_ready_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace skerry::agent
