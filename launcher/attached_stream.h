// The shim's end of an attached connection (shim_protocol.h, "Attach"): frames in, nothing out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/unique_fd.h"
#include "launcher/shim_protocol.h"
#include "logs/entry.h"

namespace skerry::launcher {

/// Keeps no output in memory: what the socket does not take is the caller's, or counted.
/// Blocks: never. Thread: shim.
class AttachedStream final {
 public:
  /// Nobody is attached.
  AttachedStream() = default;
  /// `streams` are bits kAttachStdout, kAttachStderr.
  AttachedStream(UniqueFd socket, std::uint32_t streams)
      : socket_(std::move(socket)), streams_(streams) {}

  bool attached() const { return static_cast<bool>(socket_); }
  /// For poll(2); -1 when nobody is attached.
  int descriptor() const { return socket_.get(); }
  /// Something was dropped that the reader has not been told of.
  bool owes_word() const { return missed_ > 0; }
  std::uint64_t missed() const { return missed_; }
  /// So much went by before this reader came; to be told like what it missed itself.
  void owe(std::uint64_t bytes) { missed_ += bytes; }

  /// Sends as much as fits now and returns how much that is; all of it of a stream that is not
  /// wanted, or when the reader has gone.
  std::size_t send(logs::Stream stream, std::string_view data);
  /// Sends what fits and drops and counts the rest.
  void send_or_drop(logs::Stream stream, std::string_view data);
  /// Tells what was missed, if there is room.
  void tell_missed();
  void close() { socket_.reset(); }

 private:
  bool wants(logs::Stream stream) const;
  bool send_frame(const FrameHeader& header, std::string_view data);

  UniqueFd socket_;
  std::uint32_t streams_ = 0;
  std::uint64_t missed_ = 0;
};

}  // namespace skerry::launcher
