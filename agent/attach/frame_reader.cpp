#include "agent/attach/frame_reader.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "launcher/shim_protocol.h"

namespace skerry::agent {
namespace {

using launcher::FrameHeader;
using launcher::FrameType;

// So that one container that writes without end does not keep the reactor from the others.
constexpr int kFramesPerTurn = 16;

std::optional<OutputPiece> parse(std::string_view message) {
  FrameHeader header;
  if (message.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, message.data(), sizeof header);
  message.remove_prefix(sizeof header);
  if (message.size() != header.length) return std::nullopt;
  switch (header.type) {
    case FrameType::kStdout:
      return OutputPiece{.source = OutputSource::kStdout, .bytes = std::string(message)};
    case FrameType::kStderr:
      return OutputPiece{.source = OutputSource::kStderr, .bytes = std::string(message)};
    case FrameType::kMissed:
      return OutputPiece{.source = OutputSource::kEither, .bytes = {}, .missed = header.missed};
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<FrameReader>> FrameReader::open(runtime::Reactor& reactor,
                                                       UniqueFd socket,
                                                       Handler handler) {
  const int flags = ::fcntl(socket.get(), F_GETFL);
  if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return Error::from_errno(errno, "make the output's socket non-blocking");
  }
  return std::unique_ptr<FrameReader>(
      new FrameReader(reactor, std::move(socket), std::move(handler)));
}

void FrameReader::resume() {
  if (watch_ || ended_) return;
  auto watch = reactor_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { read_some(); });
  if (watch) {
    watch_ = std::move(*watch);
  } else {
    end();
  }
}

void FrameReader::read_some() {
  std::array<char, sizeof(FrameHeader) + launcher::kMaxFrameBytes> buffer;
  const std::shared_ptr<bool> alive = alive_;
  for (int i = 0; i < kFramesPerTurn && *alive && watch_; ++i) {
    const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return end();
    auto piece = parse({buffer.data(), static_cast<std::size_t>(count)});
    // A shim that does not keep to the protocol: better no output than a wrong one.
    if (!piece) return end();
    // A copy: the handler may destroy us, and with us the function that is running.
    const Handler handler = handler_;
    handler(std::move(piece));
  }
}

void FrameReader::end() {
  ended_ = true;
  watch_.reset();
  const Handler handler = handler_;
  handler(std::nullopt);
}

}  // namespace skerry::agent
