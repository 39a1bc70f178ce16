#include "launcher/attached_stream.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace skerry::launcher {

bool AttachedStream::wants(logs::Stream stream) const {
  const auto bit = stream == logs::Stream::kStdout ? kAttachStdout : kAttachStderr;
  return socket_ && (streams_ & bit) != 0;
}

// False when there is no room. A reader that has gone is one who wants nothing.
bool AttachedStream::send_frame(const FrameHeader& header, std::string_view data) {
  std::array<iovec, 2> parts = {{{const_cast<FrameHeader*>(&header), sizeof header},
                                 {const_cast<char*>(data.data()), data.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = data.empty() ? 1 : 2;
  while (::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) return false;
    socket_.reset();
    return true;
  }
  return true;
}

std::size_t AttachedStream::send(logs::Stream stream, std::string_view data) {
  const auto type = stream == logs::Stream::kStdout ? FrameType::kStdout : FrameType::kStderr;
  std::size_t sent = 0;
  while (sent < data.size()) {
    tell_missed();
    if (!wants(stream)) return data.size();
    if (owes_word()) return sent;
    const auto piece = data.substr(sent, kMaxFrameBytes);
    const auto length = static_cast<std::uint32_t>(piece.size());
    if (!send_frame({.type = type, .length = length, .missed = 0}, piece)) return sent;
    sent += piece.size();
  }
  return sent;
}

void AttachedStream::send_or_drop(logs::Stream stream, std::string_view data) {
  missed_ += data.size() - send(stream, data);
}

void AttachedStream::tell_missed() {
  if (missed_ == 0 || !socket_) return;
  if (send_frame({.type = FrameType::kMissed, .length = 0, .missed = missed_}, {})) missed_ = 0;
}

}  // namespace skerry::launcher
