// Reads the frames a shim sends on an attached socket (launcher/shim_protocol.h), on the reactor.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "agent/attach/output_queue.h"
#include "agent/runtime/reactor.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::agent {

/// Thread: reactor.
class FrameReader final {
 public:
  /// Called with each frame, and once with none when there will be no more; the reader may be
  /// paused or destroyed from inside.
  using Handler = std::function<void(std::optional<OutputPiece>)>;

  /// Begins paused.
  static Result<std::unique_ptr<FrameReader>> open(runtime::Reactor& reactor,
                                                   UniqueFd socket,
                                                   Handler handler);
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;
  ~FrameReader() { *alive_ = false; }

  /// What comes stays in the socket; when that is full the shim does what its plan says.
  void pause() { watch_.reset(); }
  void resume();
  bool paused() const { return !watch_; }

 private:
  FrameReader(runtime::Reactor& reactor, UniqueFd socket, Handler handler)
      : reactor_(reactor), socket_(std::move(socket)), handler_(std::move(handler)) {}
  void read_some();
  void end();

  runtime::Reactor& reactor_;
  UniqueFd socket_;
  Handler handler_;
  bool ended_ = false;
  runtime::Watch watch_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace skerry::agent
