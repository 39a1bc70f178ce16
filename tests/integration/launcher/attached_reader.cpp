#include "attached_reader.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cstring>

namespace skerry::launcher::test {

AttachedReader::AttachedReader(Container& container, std::uint32_t streams) {
  AttachPacket request;
  request.streams = streams;
  container.send_packet(request);
  const auto reply = std::bit_cast<AttachedPacket>(container.expect(ShimMessage::kAttached));
  position_ = {.file_ns = reply.log_file_ns, .offset = reply.log_offset};
  socket_ = container.take_fd();
  EXPECT_TRUE(socket_);
}

bool AttachedReader::read_frame() {
  std::array<char, sizeof(FrameHeader) + kMaxFrameBytes + 1> bytes{};
  pollfd entry{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&entry, 1, 30'000), 1) << "no output in time";
  const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got <= 0) return false;
  FrameHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  EXPECT_EQ(static_cast<std::size_t>(got), sizeof header + header.length);
  const std::string_view text(bytes.data() + sizeof header, header.length);
  if (header.type == FrameType::kStdout) out_ += text;
  if (header.type == FrameType::kStderr) errors_ += text;
  if (header.type == FrameType::kMissed) missed_ += header.missed;
  return true;
}

void AttachedReader::read_to_end() {
  while (read_frame()) {
  }
}

void AttachedReader::read_until(const std::string& text) {
  while (out_.find(text) == std::string::npos) {
    if (!read_frame()) {
      ADD_FAILURE() << "ended before \"" << text << "\": " << out_;
      return;
    }
  }
}

}  // namespace skerry::launcher::test
